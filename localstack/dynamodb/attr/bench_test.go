package attr

import (
	"fmt"
	"testing"
)

// conversation is the wire form of an item of about 1 KB, as a chat keeps it.
func conversation() []byte {
	it := Item{
		"pk": String("w#01j9z8c#c#01j9z8d5k2v7"), "sk": String("HEAD"), "n": Int(41), "f": Int(35), "v": Int(3), "g": Int(0), "st": String("o"),
		"k": String("msg"),
		"P": Map(Item{
			"u#1": Map(Item{"r": String("c"), "c": Int(40)}), "u#2": Map(Item{"r": String("o"), "c": Int(41)}),
		}),
		"W": Map(Item{}),
	}
	var tail, listeners = []Value{}, Item{}
	for i := range 6 {
		tail = append(tail, Map(Item{"i": Binary("0123456789abcdef"), "t": Int(1763904000000 + int64(i)), "u": String("u#1"), "b": String("Hello, how can I help you today?")}))
	}
	for i := range 3 {
		listeners[fmt.Sprintf("L0SM9cOFvHcCIhw%d=", i)] = Map(Item{"u": String("u#1"), "r": String("c"), "e": Int(1763904000)})
	}
	it["T"], it["L"] = List(tail), Map(listeners)
	return AppendItem(nil, it)
}

func BenchmarkParseItem(b *testing.B) {
	text := conversation()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseItem(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendItem(b *testing.B) {
	it, err := ParseItem(conversation())
	if err != nil {
		b.Fatal(err)
	}
	dst := AppendItem(nil, it)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendItem(dst[:0], it)
	}
}

func BenchmarkItemSize(b *testing.B) {
	it, err := ParseItem(conversation())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if it.Size() == 0 {
			b.Fatal("no size")
		}
	}
}
