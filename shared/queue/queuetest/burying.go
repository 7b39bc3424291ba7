package queuetest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

func burying() []testCase {
	return []testCase{
		{name: "a dead letter keeps reason and text", run: deadKeeps},
		{name: "too many deliveries make a dead letter", run: tooMany},
		{name: "a replayed dead letter begins anew", run: replay},
		{name: "a discarded dead letter is gone", run: discard},
		{name: "there is no dead letter of that id", run: noDeadLetter},
	}
}

// bury makes dead letters of the given messages.
func (b *bench) bury(ids ...string) {
	b.Helper()
	seen, stop := b.collect(queue.Options{}, func(d queue.Delivery) queue.Outcome { return queue.Dead("reason-"+d.ID, "text of "+d.ID) })
	for _, id := range ids {
		b.enqueue(message(id))
		next(b, seen)
	}
	b.depth(func(d queue.Depth) bool { return d.Dead == len(ids) })
	stop()
}

func deadKeeps(b *bench) {
	before := time.Now().Truncate(time.Millisecond)
	b.bury("1", "2")
	b.oneOfTwoDead(message("1"), "reason-1", "text of 1", before)
}

// oneOfTwoDead checks that there are two dead letters, and that one is the message, sent
// and put aside since before after one delivery.
func (b *bench) oneOfTwoDead(want queue.Message, reason, text string, before time.Time) {
	b.Helper()
	found, err := b.h.Dead(b.Context(), name)
	require.NoError(b, err)
	require.Len(b, found, 2)
	everywhere, err := b.h.Dead(b.Context(), "")
	require.NoError(b, err)
	require.Equal(b, found, everywhere)
	elsewhere, err := b.h.Dead(b.Context(), "other")
	require.NoError(b, err)
	require.Empty(b, elsewhere)

	one, err := b.h.DeadOne(b.Context(), want.ID)
	require.NoError(b, err)
	assert.Contains(b, found, one)
	assert.Equal(b, want, one.Message)
	assert.Equal(b, []any{name, reason, text, 1}, []any{one.Queue, one.Reason, one.Text, one.Count})
	after := time.Now().Add(b.late())
	assert.WithinRange(b, one.EnqueuedAt, before, after)
	assert.WithinRange(b, one.DeadAt, before, after)
}

func tooMany(b *bench) {
	seen, _ := b.collect(queue.Options{MaxDeliveries: 3}, func(queue.Delivery) queue.Outcome { return queue.Abandoned() })
	b.enqueue(message("1"))
	for count := range 3 {
		require.Equal(b, count+1, next(b, seen).Count)
	}
	b.depth(func(d queue.Depth) bool { return d == queue.Depth{Dead: 1} })
	quiet(b, seen)
	one, err := b.h.DeadOne(b.Context(), "1")
	require.NoError(b, err)
	assert.Equal(b, queue.ReasonMaxDeliveries, one.Reason)
	assert.NotEmpty(b, one.Text)
	assert.Equal(b, 3, one.Count)
}

func replay(b *bench) {
	b.bury("1")
	seen, _ := b.collect(queue.Options{MaxDeliveries: 2}, func(d queue.Delivery) queue.Outcome {
		if d.Count == 1 {
			return queue.Abandoned()
		}
		return queue.Done()
	})
	quiet(b, seen)
	start := time.Now()
	require.NoError(b, b.h.Replay(b.Context(), "1"))
	got := next(b, seen)
	require.Equal(b, 1, got.Count)
	require.Equal(b, message("1"), got.Message)
	require.LessOrEqual(b, time.Since(start), b.late())
	require.Equal(b, 2, next(b, seen).Count)
	b.empty()
	found, err := b.h.Dead(b.Context(), "")
	require.NoError(b, err)
	require.Empty(b, found)
	b.enqueue(message("1")) // its id is still known
	quiet(b, seen)
}

func discard(b *bench) {
	b.bury("1", "2")
	require.NoError(b, b.h.Discard(b.Context(), "1"))
	require.ErrorIs(b, b.h.Discard(b.Context(), "1"), queue.ErrNotFound)
	found, err := b.h.Dead(b.Context(), name)
	require.NoError(b, err)
	require.Len(b, found, 1)
	require.Equal(b, "2", found[0].ID)
}

func noDeadLetter(b *bench) {
	b.enqueue(message("alive"))
	for _, id := range []string{"alive", "unknown"} {
		_, err := b.h.DeadOne(b.Context(), id)
		require.ErrorIs(b, err, queue.ErrNotFound)
		require.ErrorIs(b, b.h.Replay(b.Context(), id), queue.ErrNotFound)
		require.ErrorIs(b, b.h.Discard(b.Context(), id), queue.ErrNotFound)
	}
	b.depth(func(d queue.Depth) bool { return d.Active == 1 })
}
