package servicebus

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/queuetest"
)

// BenchmarkEnqueue sends messages of 1 KB one by one over a pipe.
func BenchmarkEnqueue(b *testing.B) {
	q, _ := overPipe(newFake(b, queuetest.Settings{}, time.Minute)).connect(b)
	body := make([]byte, 1024)
	for i := 0; b.Loop(); i++ {
		require.NoError(b, q.Enqueue(b.Context(), "work", queue.Message{ID: fmt.Sprint(i), Body: body}))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkRun receives and completes messages of 1 KB with eight workers over a pipe.
func BenchmarkRun(b *testing.B) {
	q, _ := overPipe(newFake(b, queuetest.Settings{}, time.Minute)).connect(b)
	msgs := make([]queue.Message, b.N)
	for i := range msgs {
		msgs[i] = queue.Message{ID: fmt.Sprint(i), Body: make([]byte, 1024)}
	}
	require.NoError(b, q.Enqueue(b.Context(), "work", msgs...))
	var done atomic.Int64
	ctx, cancel := context.WithCancel(b.Context())
	b.ResetTimer()
	require.NoError(b, q.Run(ctx, "work", queue.Options{Workers: 8}, func(context.Context, queue.Delivery) queue.Outcome {
		if done.Add(1) == int64(b.N) {
			cancel()
		}
		return queue.Done()
	}))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkSettleAfterACut tells how long a delivery takes to be settled whose
// connection was cut under it.
func BenchmarkSettleAfterACut(b *testing.B) {
	fake := newFake(b, queuetest.Settings{}, time.Minute)
	q, _ := overPipe(fake).connect(b)
	ctx, cancel := context.WithCancel(b.Context())
	cut := make(chan bool)
	ended := make(chan error, 1)
	go func() {
		ended <- q.Run(ctx, "work", queue.Options{}, func(context.Context, queue.Delivery) queue.Outcome {
			fake.CutConnections()
			cut <- true
			return queue.Done()
		})
	}()
	for i := 0; b.Loop(); i++ {
		require.NoError(b, q.Enqueue(b.Context(), "work", queue.Message{ID: fmt.Sprint(i)}))
		<-cut
		for fake.Depth("work").Locked > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	cancel()
	require.NoError(b, <-ended)
}
