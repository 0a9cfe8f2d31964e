package gateway

import (
	"bytes"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
)

// Each fault strikes the first of two posts; got lists what arrives.
func TestPushFaults(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		point  string
		fault  seam.Fault
		status int // of the first post; 0 is a lost answer
		got    []string
	}{
		{"error before", "Push before", seam.Fault{Kind: seam.FaultError, Status: 410, ErrorType: "GoneException"}, 410, []string{"two"}},
		{"error after", "Push after", seam.Fault{Kind: seam.FaultError}, 500, []string{"one", "two"}},
		{"lost before", "Push before", seam.Fault{Kind: seam.FaultLose}, 200, []string{"two"}},
		{"lost after", "Push after", seam.Fault{Kind: seam.FaultLose}, 0, []string{"one", "two"}},
		{"doubled", "Push before", seam.Fault{Kind: seam.FaultDuplicate}, 200, []string{"one", "one", "two"}},
		{"doubled after", "Push after", seam.Fault{Kind: seam.FaultDuplicate}, 200, []string{"one", "one", "two"}},
		{"overtaken", "Push before", seam.Fault{Kind: seam.FaultDelay, Delay: 100 * time.Millisecond}, 200, []string{"two", "one"}},
		{"late answer", "Push after", seam.Fault{Kind: seam.FaultDelay, Delay: 50 * time.Millisecond}, 200, []string{"one", "two"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *stage) {
				s.options.Faults = &scriptedFaults{rules: map[string]seam.Fault{tc.point: tc.fault}}
			})
			c := s.dial()
			id := s.only()
			begun := time.Now()
			if st := status(s.g.Post(t.Context(), id, []byte("one"))); st != tc.status {
				t.Errorf("first post: %d", st)
			}
			if tc.name == "late answer" && time.Since(begun) < tc.fault.Delay {
				t.Error("the answer was not late")
			}
			if st := status(s.g.Post(t.Context(), id, []byte("two"))); st != 200 {
				t.Errorf("second post: %d", st)
			}
			for _, want := range tc.got {
				c.wantText(want)
			}
		})
	}
}

// Over HTTP a lost answer is a connection that closes without one.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *stage) {
		s.options.Faults = &scriptedFaults{rules: map[string]seam.Fault{"Push after": {Kind: seam.FaultLose}}}
	})
	s.conns.Config.ErrorLog = nil
	c := s.dial()
	resp, err := http.Post(s.conns.URL+"/prod/@connections/"+s.only(), "", bytes.NewReader([]byte("hi")))
	if err == nil {
		_ = resp.Body.Close()
		t.Errorf("got an answer: %d", resp.StatusCode)
	}
	c.wantText("hi")
}

func TestResponseFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[seam.FaultKind][]string{
		seam.FaultLose:      {"end"},
		seam.FaultError:     {"end"},
		seam.FaultDuplicate: {"sent", "sent", "end"},
		seam.FaultDelay:     {"end", "sent"},
	} {
		s := start(t, func(s *stage) {
			s.options.Faults = &scriptedFaults{rules: map[string]seam.Fault{"Response before": {Kind: kind, Delay: 200 * time.Millisecond}}}
		})
		c := s.dial()
		c.text(`{"action":"send"}`)
		eventually(t, "answered", func() bool {
			return len(s.fns.eventsOf("Send")) == 1 && s.g.Connections()[0].Running == 0
		})
		if err := s.g.Post(t.Context(), s.only(), []byte("end")); err != nil {
			t.Fatal(err)
		}
		var got []string
		for range want {
			got = append(got, c.readText())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v", kind, got)
		}
	}
}

func TestDisconnectFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[seam.FaultKind]int{seam.FaultLose: 0, seam.FaultDuplicate: 2, seam.FaultDelay: 1} {
		delay := 100 * time.Millisecond
		s := start(t, func(s *stage) {
			s.options.Faults = &scriptedFaults{rules: map[string]seam.Fault{"Disconnect before": {Kind: kind, Delay: delay}}}
		})
		s.dial().frame(true, opClose, nil)
		eventually(t, "the end", func() bool { return s.meter.connections.Load() == 1 })
		if kind == seam.FaultDelay {
			if n := len(s.fns.eventsOf("Disconnect")); n != 0 {
				t.Error("not delayed")
			}
		}
		eventually(t, string(kind), func() bool { return len(s.fns.eventsOf("Disconnect")) == want })
		s.dial().frame(true, opClose, nil) // the rule is used up
		eventually(t, "the second end", func() bool { return len(s.fns.eventsOf("Disconnect")) == want+1 })
	}
}
