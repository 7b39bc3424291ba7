package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/queue"
)

const benchWorkers = 8

func openBench(b *testing.B, relaxed bool) *Queue {
	db, err := database.Open(b.Context(), database.Options{Path: filepath.Join(b.TempDir(), "usher.db"), Relaxed: relaxed})
	require.NoError(b, err)
	q, err := New(b.Context(), db, Options{})
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, q.Close())
		require.NoError(b, db.Close())
	})
	return q
}

func BenchmarkEnqueue(b *testing.B) {
	for name, relaxed := range map[string]bool{"full": false, "relaxed": true} {
		b.Run(name, func(b *testing.B) {
			q := openBench(b, relaxed)
			b.ResetTimer()
			enqueueAll(b, q, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

// enqueueAll enqueues n messages of 1 KB from several producers.
func enqueueAll(b *testing.B, q *Queue, n int) {
	var next atomic.Int64
	var producers sync.WaitGroup
	for range benchWorkers {
		producers.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := q.Enqueue(b.Context(), "a", message(fmt.Sprint(i))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	producers.Wait()
}

func BenchmarkTakeAndComplete(b *testing.B) {
	for name, relaxed := range map[string]bool{"full": false, "relaxed": true} {
		b.Run(name, func(b *testing.B) {
			q := openBench(b, relaxed)
			enqueueAll(b, q, b.N)
			b.ResetTimer()
			consumeAll(b, q, b.N, func(queue.Delivery) {})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

// consumeAll returns when n messages were handled.
func consumeAll(b *testing.B, q *Queue, n int, visit func(queue.Delivery)) {
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	var handled atomic.Int64
	require.NoError(b, q.Run(ctx, "a", queue.Options{Workers: benchWorkers}, func(_ context.Context, d queue.Delivery) queue.Outcome {
		visit(d)
		if handled.Add(1) == int64(n) {
			stop()
		}
		return queue.Done()
	}))
}

// BenchmarkLateness plans messages over a second and tells how late they come.
func BenchmarkLateness(b *testing.B) {
	const planned = 200
	var all []time.Duration
	for range b.N {
		q := openBench(b, false)
		start := time.Now().Add(200 * time.Millisecond)
		msgs := make([]queue.Message, planned)
		for i := range msgs {
			msgs[i] = message(fmt.Sprint(i))
			msgs[i].NotBefore = start.Add(time.Second * time.Duration(i) / planned)
		}
		require.NoError(b, q.Enqueue(b.Context(), "a", msgs...))
		var mu sync.Mutex
		consumeAll(b, q, planned, func(d queue.Delivery) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, time.Since(d.NotBefore))
		})
	}
	slices.Sort(all)
	for _, p := range []int{50, 95, 100} {
		late := all[min(len(all)*p/100, len(all)-1)]
		b.ReportMetric(float64(late.Microseconds())/1000, fmt.Sprintf("ms-late-p%d", p))
	}
	require.GreaterOrEqual(b, all[0], time.Duration(0), "a message came early")
}
