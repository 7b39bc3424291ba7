package queuetest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

// retryCase is the name of the case that RunMutation uses.
const retryCase = "a retry with a new attempt in its id arrives"

func settling() []testCase {
	expires := func(h Harness) bool { return h.ExpireLocks != nil }
	return []testCase{
		{name: retryCase, run: retryArrives},
		{name: "a retry replaces the message", run: retryReplaces},
		{name: "a retry under an id that was seen only completes", run: retrySeen},
		{name: "a retry that was thrown away can be given again", can: expires, run: retryTwice},
		{name: "an abandoned message comes again at once and is counted", run: abandoned},
		{name: "the zero outcome abandons", run: zeroAbandons},
		{name: "a panic abandons, pauses, and harms nobody else", run: panicking},
		{name: "a retry that cannot be sent loses nothing", run: retryRefused},
	}
}

func retryArrives(b *bench) {
	seen, _ := b.collect(queue.Options{}, func(d queue.Delivery) queue.Outcome {
		switch d.ID {
		case "r/create/1":
			return queue.RetryWith(planned("r/create/2", time.Now().Add(b.delay())))
		case "r/create/2":
			return queue.RetryWith(message("r/create/3"))
		}
		return queue.Done()
	})
	start := time.Now()
	b.enqueue(message("r/create/1"))
	for _, id := range []string{"r/create/1", "r/create/2", "r/create/3"} {
		d := next(b, seen)
		require.Equal(b, id, d.ID)
		require.Equal(b, 1, d.Count, "a wait is not a delivery that failed")
	}
	require.GreaterOrEqual(b, time.Since(start), b.delay())
	b.empty()
}

func retryReplaces(b *bench) {
	want := queue.Message{
		ID: "r/a/2", Subject: "other", CorrelationID: "r", Body: []byte("new"), Attributes: map[string]string{"k": "v"},
		NotBefore: time.Now().Add(2 * b.delay()).UTC().Truncate(time.Millisecond),
	}
	seen, _ := b.collect(queue.Options{}, func(d queue.Delivery) queue.Outcome {
		if d.ID == "r/a/1" && d.Count < 3 {
			return queue.Abandoned()
		}
		if d.ID == "r/a/1" {
			return queue.RetryWith(want)
		}
		return queue.Done()
	})
	b.enqueue(message("r/a/1"))
	for range 3 {
		next(b, seen)
	}
	b.depth(func(d queue.Depth) bool { return d == queue.Depth{Planned: 1} })
	got := next(b, seen)
	assert.Equal(b, want, got.Message)
	assert.Equal(b, 1, got.Count, "the new message has been delivered once")
	b.empty()
}

func retrySeen(b *bench) {
	seen, _ := b.collect(queue.Options{}, func(d queue.Delivery) queue.Outcome {
		if d.ID == "r/a/1" {
			return queue.RetryWith(message("r/a/2"))
		}
		return queue.Done()
	})
	b.enqueue(message("r/a/2"))
	require.Equal(b, "r/a/2", next(b, seen).ID)
	b.enqueue(message("r/a/1"))
	require.Equal(b, "r/a/1", next(b, seen).ID)
	b.empty()
	quiet(b, seen)
}

// retryTwice is the crash between the two halves of a retry: the message comes again,
// and gives the very same retry again.
func retryTwice(b *bench) {
	seen, answer := make(chan queue.Delivery, 10), make(chan struct{})
	b.enqueue(message("r/a/1"))
	b.consume(queue.Options{Workers: 2}, handler(func(d queue.Delivery) queue.Outcome {
		seen <- d
		if d.ID != "r/a/1" {
			return queue.Done()
		}
		if d.Count == 1 {
			<-answer
		}
		return queue.RetryWith(message("r/a/2"))
	}))
	next(b, seen)
	b.h.ExpireLocks()
	require.Equal(b, "r/a/1", next(b, seen).ID)
	require.Equal(b, "r/a/2", next(b, seen).ID)
	close(answer)
	quiet(b, seen)
	b.empty()
}

func abandoned(b *bench) {
	seen, _ := b.collect(queue.Options{}, func(d queue.Delivery) queue.Outcome {
		if d.Count < 3 {
			return queue.Abandoned()
		}
		return queue.Done()
	})
	start := time.Now()
	b.enqueue(message("1"))
	for count := range 3 {
		require.Equal(b, count+1, next(b, seen).Count)
	}
	require.LessOrEqual(b, time.Since(start), b.late())
	b.empty()
}

func zeroAbandons(b *bench) {
	seen, _ := b.collect(queue.Options{MaxDeliveries: 2}, func(queue.Delivery) queue.Outcome { return queue.Outcome{} })
	b.enqueue(message("1"))
	next(b, seen)
	require.Equal(b, 2, next(b, seen).Count)
	b.depth(func(d queue.Depth) bool { return d == queue.Depth{Dead: 1} })
}

func panicking(b *bench) {
	seen := make(chan queue.Delivery, 10)
	b.consume(queue.Options{MaxDeliveries: 4}, handler(func(d queue.Delivery) queue.Outcome {
		seen <- d
		if d.ID == "poison" {
			panic("boom")
		}
		return queue.Done()
	}))
	start := time.Now()
	b.enqueue(message("poison"))
	require.Equal(b, 1, next(b, seen).Count)
	b.enqueue(message("sound"))
	require.Equal(b, "sound", next(b, seen).ID)
	for count := 2; count <= 4; count++ {
		require.Equal(b, count, next(b, seen).Count)
	}
	require.GreaterOrEqual(b, time.Since(start), 500*time.Millisecond, "a poison message must not spin")
	b.depth(func(d queue.Depth) bool { return d == queue.Depth{Dead: 1} })
}

func retryRefused(b *bench) {
	seen, _ := b.collect(queue.Options{MaxDeliveries: 3}, func(queue.Delivery) queue.Outcome {
		return queue.RetryWith(queue.Message{Body: []byte("without an id")})
	})
	b.enqueue(message("1"))
	for count := range 3 {
		require.Equal(b, count+1, next(b, seen).Count)
	}
	b.depth(func(d queue.Depth) bool { return d == queue.Depth{Dead: 1} })
}
