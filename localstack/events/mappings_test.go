package events

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

func TestQueueFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		phase       seam.Phase
		kind        seam.FaultKind
		soon, later int // deliveries before and after the visibility timeout
	}{
		{seam.Before, seam.FaultDuplicate, 2, 2},
		{seam.Before, seam.FaultLose, 0, 1},
		{seam.After, seam.FaultLose, 1, 2},
		{seam.After, seam.FaultDuplicate, 2, 2},
		{seam.Before, seam.FaultDelay, 1, 1},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.queues.put("", "a")
			w.faults = &oneFault{point: seam.FaultPoint{Service: "sqs-mapping", Operation: "Deliver", Function: "Fn", Resource: "jobs", Phase: tt.phase},
				fault: seam.Fault{Kind: tt.kind, Delay: time.Second}}
			w.start(mapQueue(template.QueueMapping{}))
			time.Sleep(10 * time.Second)
			soon := len(w.function.got())
			time.Sleep(time.Minute)
			w.stop()
			if later := len(w.function.got()); soon != tt.soon || later != tt.later {
				t.Errorf("%s %s: %d then %d deliveries, want %d then %d", tt.kind, tt.phase, soon, later, tt.soon, tt.later)
			}
		})
	}
}

// oneFault strikes once at one point.
type oneFault struct {
	mu    sync.Mutex
	point seam.FaultPoint
	fault seam.Fault
	done  bool
}

func (o *oneFault) Strike(p seam.FaultPoint) (seam.Fault, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done || p != o.point {
		return seam.Fault{}, false
	}
	o.done = true
	return o.fault, true
}

func TestRefusedMappings(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*template.Function, *template.Plan){
		"visibility below timeout": func(f *template.Function, p *template.Plan) {
			mapQueue(template.QueueMapping{})(f, p)
			f.Timeout = time.Minute
			p.Queues = []template.Queue{{ARN: queueARN, Visibility: 30 * time.Second}}
		},
		"unknown queue": mapQueue(template.QueueMapping{}),
		"bad filter": func(f *template.Function, p *template.Plan) {
			mapQueue(template.QueueMapping{Filters: []string{`{"body":"x"}`}})(f, p)
			p.Queues = []template.Queue{{ARN: queueARN, Visibility: 30 * time.Second}}
		},
		"bad schedule": func(_ *template.Function, p *template.Plan) {
			p.Schedules = []template.Schedule{{Function: "Fn", Expression: "rate(1 minutes)", Enabled: true}}
		},
	} {
		f := template.Function{LogicalID: "Fn"}
		plan := &template.Plan{}
		change(&f, plan)
		plan.Functions = []template.Function{f}
		if _, err := New(Options{Plan: plan}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestStreamFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[seam.FaultKind]int{seam.FaultDuplicate: 2, seam.FaultLose: 2, seam.FaultDelay: 1} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.stream.put("s1", "a")
			w.faults = &oneFault{point: seam.FaultPoint{Service: "stream-mapping", Operation: "Deliver", Function: "Fn", Resource: "chat", Phase: seam.After},
				fault: seam.Fault{Kind: kind, Delay: time.Second}}
			w.start(mapStream(template.StreamMapping{MaxRetries: 0}))
			time.Sleep(10 * time.Second)
			w.stop()
			if got := len(w.function.got()); got != want {
				t.Errorf("%s: %d deliveries, want %d", kind, got, want)
			}
		})
	}
}
