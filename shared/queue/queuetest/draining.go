package queuetest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

func draining() []testCase {
	return []testCase{
		{name: "a drain ends when the queue is empty", run: drainEnds},
		{name: "a drain waits for what is in hand", run: drainWaits},
		{name: "a drain begins nothing after its time, and lets what is in hand finish", run: drainStops},
		{name: "a drain ends in the pause of a message that fails", run: drainWithPoison},
	}
}

// drain runs a consumer that is to end by itself, and gives how long it took.
func (b *bench) drain(o queue.Options, h queue.Handler) time.Duration {
	b.Helper()
	o.Lock = b.lock()
	began, ended := time.Now(), make(chan error, 1)
	go func() { ended <- b.h.Run(b.Context(), name, o, h) }()
	require.NoError(b, next(b, ended))
	d, err := b.h.Depth(b.Context(), name)
	require.NoError(b, err)
	assert.Zero(b, d.Locked, "nothing is in hand after the end")
	return time.Since(began)
}

// counted answers done, and counts.
func counted(n *atomic.Int32) queue.Handler {
	return handler(func(queue.Delivery) queue.Outcome { n.Add(1); return queue.Done() })
}

func drainEnds(b *bench) {
	var n atomic.Int32
	b.enqueue(message("1"), message("2"), message("3"), planned("later", time.Now().Add(100*b.calm())))
	b.drain(queue.Options{Workers: 2, Idle: b.calm()}, counted(&n))
	assert.EqualValues(b, 3, n.Load())
	b.depth(func(d queue.Depth) bool { return d.Planned == 1 && d.Active == 0 })
	b.drain(queue.Options{Idle: b.calm()}, counted(&n))
	assert.EqualValues(b, 3, n.Load(), "an empty queue ends a drain at once")
}

func drainWaits(b *bench) {
	var n atomic.Int32
	b.enqueue(message("1"))
	b.drain(queue.Options{Workers: 2, Idle: b.calm()}, handler(func(d queue.Delivery) queue.Outcome {
		n.Add(1)
		if d.ID == "1" {
			time.Sleep(3 * b.calm())
			b.enqueue(message("2"))
		}
		return queue.Done()
	}))
	assert.EqualValues(b, 2, n.Load(), "what it sent is handled too")
	b.empty()
}

func drainStops(b *bench) {
	var n atomic.Int32
	b.enqueue(message("1"), message("2"))
	b.drain(queue.Options{Idle: b.calm(), For: 2 * b.calm()}, func(ctx context.Context, _ queue.Delivery) queue.Outcome {
		n.Add(1)
		time.Sleep(3 * b.calm())
		if ctx.Err() != nil {
			return queue.Abandoned()
		}
		return queue.Done()
	})
	assert.EqualValues(b, 1, n.Load())
	seen, _ := b.collect(queue.Options{}, nil)
	require.Equal(b, 1, next(b, seen).Count, "the other one was not touched")
	b.empty()
}

func drainWithPoison(b *bench) {
	b.enqueue(message("1"))
	took := b.drain(queue.Options{Idle: b.calm(), For: 2 * b.calm(), MaxDeliveries: 1000}, handler(func(queue.Delivery) queue.Outcome {
		return queue.Abandoned()
	}))
	assert.Less(b, took, 2*b.calm()+b.late())
}
