package queuetest

import (
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

func stopping() []testCase {
	return []testCase{
		{name: "stopping gives back what is not finished, uncounted", run: stopGivesBack},
		{name: "stopping lets a handler finish", run: stopFinishes},
		{name: "a message stays while nobody consumes", run: stays},
	}
}

// handler is a Handler that does not look at its context.
func handler(f func(queue.Delivery) queue.Outcome) queue.Handler {
	return func(_ context.Context, d queue.Delivery) queue.Outcome { return f(d) }
}

func stopGivesBack(b *bench) {
	busy := make(chan string, 1)
	b.enqueue(message("1"))
	stop := b.consume(queue.Options{}, func(ctx context.Context, d queue.Delivery) queue.Outcome {
		busy <- d.ID
		<-ctx.Done()
		return queue.Abandoned()
	})
	next(b, busy)
	stop()
	d, err := b.h.Depth(b.Context(), name)
	require.NoError(b, err)
	require.Equal(b, []int{1, 0}, []int{d.Active, d.Locked})
	seen, _ := b.collect(queue.Options{}, nil)
	require.Equal(b, 1, next(b, seen).Count)
	b.empty()
}

func stopFinishes(b *bench) {
	busy := make(chan string, 1)
	b.enqueue(message("1"))
	stop := b.consume(queue.Options{}, func(ctx context.Context, d queue.Delivery) queue.Outcome {
		busy <- d.ID
		<-ctx.Done()
		return queue.Done()
	})
	next(b, busy)
	stop()
	d, err := b.h.Depth(b.Context(), name)
	require.NoError(b, err)
	assert.Equal(b, queue.Depth{}, d)
}

func stays(b *bench) {
	seen, stop := b.collect(queue.Options{}, nil)
	stop()
	b.enqueue(message("1"))
	quiet(b, seen)
	seen, _ = b.collect(queue.Options{}, nil)
	require.Equal(b, "1", next(b, seen).ID)
}
