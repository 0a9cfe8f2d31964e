package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/e2e/world"
)

// TestPlay performs the whole play on a stack: it must come out right, and tell so within two screens.
func TestPlay(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	w, stop, err := world.Open(ctx, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	var out bytes.Buffer
	p := &play{world: w, screen: newScreen(&out, false)}
	defer p.close()
	if err := p.perform(ctx); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	text := out.String()
	for _, want := range []string{"again, after", "(was there already)", "the outcome is unknown", "equal the log", "per million messages"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not show %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("it is coloured without being asked")
	}
	if lines := strings.Count(text, "\n"); lines > 80 {
		t.Errorf("%d lines do not fit two screens", lines)
	}
}

func TestScreenPaintsAndDescribes(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newScreen(&out, true)
	s.title(1, "scene")
	send := []byte(`{"action":"send","ref":"1","after":4,"messages":[{"id":"m_1","text":"hi"}]}`)
	s.frame("customer", cyan, false, send)
	s.frame("customer", cyan, false, send)
	s.frame("customer", cyan, true, []byte(`{"message":"Internal server error","connectionId":"x","requestId":"y"}`))
	s.frame("customer", cyan, true, []byte(`{"type":"ack","ref":"1","acks":[{"id":"m_1","seq":5,"duplicate":true}]}`))
	s.frame("operator", magenta, true, []byte(`{"type":"events","events":[{"seq":5,"id":"m_1","type":"message","text":"hi"},{"seq":6,"type":"conversation.closed"}]}`))
	s.frame("operator", magenta, true, []byte(`{"type":"error","code":"too_fast","message":"slow down"}`))
	for _, want := range []string{"\x1b[36mcustomer\x1b[0m", "after 4  “hi”", "again, ", "the outcome is unknown", "seq 5\x1b[33m (was there already)", "seq 5 “hi”, seq 6 conversation.closed", "\x1b[31mtoo_fast\x1b[0m slow down"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
