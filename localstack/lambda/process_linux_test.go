package lambda

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// TestBackgroundFunctionsStandBack: what a queue or a stream invokes runs below what somebody waits for.
func TestBackgroundFunctionsStandBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) {
		queue, stream := probe("Queue"), probe("Stream")
		queue.Queues = []template.QueueMapping{{LogicalID: "Jobs"}}
		stream.Streams = []template.StreamMapping{{LogicalID: "Appends"}}
		o.Functions = append(o.Functions, queue, stream)
	})
	nice := func(name string) int {
		result, err := f.Invoke(t.Context(), name, mustJSON(order{}), seam.InvokeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return niceOf(t, decode(t, result).PID)
	}
	want := min(nice("Probe")+backgroundNice, 19)
	for _, name := range []string{"Queue", "Stream"} {
		if got := nice(name); got != want {
			t.Errorf("%s runs at nice %d, want %d", name, got, want)
		}
	}
}

// niceOf reads field 19 of /proc/PID/stat (proc_pid_stat(5)).
func niceOf(t *testing.T, pid int) int {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	nice, err := strconv.Atoi(string(fields[16])) // the third is the first behind the name
	if err != nil {
		t.Fatal(err)
	}
	return nice
}
