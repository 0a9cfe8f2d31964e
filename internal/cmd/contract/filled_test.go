package main

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"
)

// filled makes a value of a struct of the contract in which every field is set, as its limits allow.
func filled(t reflect.Type) any {
	v := reflect.New(t).Elem()
	fill(v)
	return v.Interface()
}

func fill(v reflect.Value) {
	t := v.Type()
	if s := scalar(t, toClient); s != nil {
		v.SetString(scalarText(s))
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			fill(v.Field(i))
			fillLimited(v.Field(i), t, t.Field(i).Name)
		}
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		if t.Elem().Kind() == reflect.Uint8 { // JSON as it is
			v.SetBytes([]byte("{}"))
			return
		}
		fill(v.Index(0))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Interface:
		v.Set(reflect.ValueOf("anything"))
	case reflect.Float64, reflect.Float32:
		v.SetFloat(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	default:
		v.SetInt(1)
	}
}

// scalarText is one value of a named text.
func scalarText(s *jsonschema.Schema) string {
	switch {
	case len(s.AnyOf) > 0:
		return scalarText(s.AnyOf[0])
	case len(s.Enum) > 0:
		text, _ := s.Enum[0].(string)
		return text
	}
	prefix, _, _ := strings.Cut(strings.TrimPrefix(s.Pattern, "^"), "[")
	return fixedID(prefix, 9)
}

// fillLimited puts a field within its limits, where the ordinary value is not.
func fillLimited(v reflect.Value, owner reflect.Type, name string) {
	narrow, ok := limits()[owner.String()+"."+name]
	if !ok {
		return
	}
	var s jsonschema.Schema
	narrow(&s)
	formats := map[string]string{"uri": "wss://a.example/live", "uri-reference": "/a", "date-time": "2026-11-23T12:00:00Z", "email": "ada@example.com"}
	switch text, fixed := s.Const.(string); {
	case fixed:
		v.SetString(text)
	case formats[s.Format] != "":
		v.SetString(formats[s.Format])
	case s.MinLength != nil && v.Kind() == reflect.String && v.Type().PkgPath() == "" && v.Len() < int(*s.MinLength):
		v.SetString(strings.Repeat("x", int(*s.MinLength)))
	case s.Minimum != "" && v.CanInt():
		if least, _ := strconv.ParseInt(string(s.Minimum), 10, 64); v.Int() < least {
			v.SetInt(least)
		}
	}
}
