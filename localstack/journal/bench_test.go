package journal

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

func BenchmarkWait(b *testing.B) {
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			j := mustOpen(b, b.TempDir(), map[string]Component{"a": &list{}})
			record := make([]byte, 512)
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			for range goroutines {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if err := j.Wait(j.Append("a", record)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "waits/s")
		})
	}
}
