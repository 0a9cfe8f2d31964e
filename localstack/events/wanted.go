package events

import "github.com/parley-chat/parley/internal/jsonscan"

// wanted is the part of a document that patterns look at. A stream's records hold two images of an item, of which a
// filter reads one attribute: decoding all of them cost more than writing them.
type wanted struct {
	whole  bool               // a comparison looks at the value itself
	fields map[string]*wanted // by the object's member
}

// wantedBy collects what a pattern looks at.
func wantedBy(p pattern) *wanted {
	w := &wanted{fields: map[string]*wanted{}}
	w.add(p)
	return w
}

func (w *wanted) add(p pattern) {
	switch p := p.(type) {
	case anyOf:
		for _, one := range p {
			w.add(one)
		}
	case allOf:
		for _, one := range p {
			w.add(one)
		}
	case field:
		if w.fields[p.name] == nil {
			w.fields[p.name] = &wanted{fields: map[string]*wanted{}}
		}
		w.fields[p.name].add(p.pattern)
	default:
		w.whole = true
	}
}

// decode decodes what is wanted of a document and leaves out the rest. Patterns judge the result as they judge the
// whole document.
func (w *wanted) decode(text []byte) (value any, err error) {
	if w.whole || len(text) == 0 {
		return decodeJSON(text)
	}
	switch text[0] {
	case '{':
		object := map[string]any{}
		jsonscan.Members(text, func(key string, inner []byte) bool {
			if field := w.fields[key]; field != nil {
				object[key], err = field.decode(inner)
			}
			return err == nil && len(object) < len(w.fields) // nothing further is wanted
		})
		return object, err
	case '[': // each element is judged like the value itself
		array := []any{}
		jsonscan.Elements(text, func(inner []byte) {
			element, failed := w.decode(inner)
			if array = append(array, element); failed != nil {
				err = failed
			}
		})
		return array, err
	}
	return decodeJSON(text)
}
