package queuetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

func locking() []testCase {
	expires := func(h Harness) bool { return h.ExpireLocks != nil }
	return []testCase{
		{name: "a lock is renewed while the handler works", run: renewed},
		{name: "one message has one holder", run: oneHolder},
		{name: "as many handlers as workers", run: manyWorkers},
		{name: "a message whose lock is over comes again and is counted", can: expires, run: comesAgain},
		{name: "a stale holder cannot complete", can: expires, run: stale(queue.Done())},
		{name: "a stale holder cannot make a dead letter", can: expires, run: stale(queue.Dead("why", "text"))},
		{name: "a stale holder cannot retry", can: expires, run: stale(queue.RetryWith(message("next")))},
		{name: "a stale holder cannot abandon", can: expires, run: stale(queue.Abandoned())},
	}
}

// holding tells which message it got and answers done once released.
func holding(busy chan<- string, release <-chan struct{}) queue.Handler {
	return func(_ context.Context, d queue.Delivery) queue.Outcome {
		busy <- d.ID
		<-release
		return queue.Done()
	}
}

func renewed(b *bench) {
	began := make(chan queue.Delivery, 10)
	work := func(ctx context.Context, d queue.Delivery) queue.Outcome {
		began <- d
		time.Sleep(b.lock()*5/2 + time.Second)
		assert.NoError(b, ctx.Err(), "the lock was lost")
		return queue.Done()
	}
	b.enqueue(message("1"))
	b.consume(queue.Options{Workers: 2}, work)
	next(b, began)
	b.empty()
	quiet(b, began)
}

func oneHolder(b *bench) {
	var (
		mu   sync.Mutex
		held = map[string]int{}
	)
	const messages = 60
	done := make(chan string, messages)
	h := func(_ context.Context, d queue.Delivery) queue.Outcome {
		mu.Lock()
		held[d.ID]++
		assert.Equal(b, 1, held[d.ID], "message %s has two holders", d.ID)
		mu.Unlock()
		time.Sleep(time.Millisecond)
		done <- d.ID
		return queue.Done()
	}
	b.consume(queue.Options{Workers: 4}, h)
	b.consume(queue.Options{Workers: 4}, h)
	for i := range messages {
		b.enqueue(message(fmt.Sprint(i)))
	}
	for range messages {
		next(b, done)
	}
	b.empty()
}

func manyWorkers(b *bench) {
	busy, release := make(chan string, 10), make(chan struct{})
	for i := range 5 {
		b.enqueue(message(fmt.Sprint(i)))
	}
	b.consume(queue.Options{Workers: 3}, holding(busy, release))
	for range 3 {
		next(b, busy)
	}
	select {
	case id := <-busy:
		require.FailNow(b, "a fourth handler runs", id)
	case <-time.After(b.calm()):
	}
	close(release)
	for range 2 {
		next(b, busy)
	}
	b.empty()
}

func comesAgain(b *bench) {
	seen, release := make(chan queue.Delivery, 10), make(chan struct{})
	first := true
	b.enqueue(message("1"))
	b.consume(queue.Options{Workers: 2}, func(ctx context.Context, d queue.Delivery) queue.Outcome {
		seen <- d
		if d.Count == 1 && first {
			first = false
			<-ctx.Done() // the handler is told that it has lost its lock
			close(release)
		}
		return queue.Done()
	})
	require.Equal(b, 1, next(b, seen).Count)
	b.h.ExpireLocks()
	again := next(b, seen)
	require.Equal(b, "1", again.ID)
	require.Equal(b, 2, again.Count)
	next(b, release)
	b.empty()
	quiet(b, seen)
}

// stale lets a holder answer after its lock is over and another one holds the message.
func stale(late queue.Outcome) func(*bench) {
	return func(b *bench) {
		seen := make(chan queue.Delivery, 10)
		answer := map[int]chan queue.Outcome{1: make(chan queue.Outcome), 2: make(chan queue.Outcome)}
		b.enqueue(message("1"))
		b.consume(queue.Options{Workers: 2}, func(_ context.Context, d queue.Delivery) queue.Outcome {
			seen <- d
			return <-answer[d.Count]
		})
		require.Equal(b, 1, next(b, seen).Count)
		b.h.ExpireLocks()
		require.Equal(b, 2, next(b, seen).Count)
		answer[1] <- late
		quiet(b, seen)
		d := b.depth(func(queue.Depth) bool { return true })
		require.Equal(b, queue.Depth{Locked: 1}, d, "the second holder still has it, and nothing else came of it")
		answer[2] <- queue.Done()
		b.empty()
		quiet(b, seen)
	}
}
