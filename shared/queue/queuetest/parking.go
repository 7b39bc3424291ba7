package queuetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

func parking() []testCase {
	parks := func(h Harness) bool { return h.Park != nil }
	dies := func(h Harness) bool { return parks(h) && h.ExpireLocks != nil }
	return []testCase{
		{name: "a parked message lies beside the dead letters", can: parks, run: parkedBeside},
		{name: "a parked message is replayed and parked again", can: parks, run: parkedReplay},
		{name: "a parked message is discarded and the others stay", can: parks, run: parkedDiscard},
		{name: "a message parked twice is one", can: dies, run: parkedTwice},
	}
}

func parkedBeside(b *bench) {
	before := time.Now().Truncate(time.Millisecond)
	b.bury("dead")
	want := queue.Message{ID: "r/a/1", Subject: "s", CorrelationID: "r", Body: []byte("body"), Attributes: map[string]string{"k": "v"}}
	b.enqueue(want)
	b.h.Park("why", "in words", false)
	b.depth(func(d queue.Depth) bool { return d == queue.Depth{Dead: 2} })
	b.oneOfTwoDead(want, "why", "in words", before)
}

func parkedReplay(b *bench) {
	b.enqueue(message("1"))
	for round := range 3 {
		b.h.Park(fmt.Sprint("reason ", round), "", false)
		one, err := b.h.DeadOne(b.Context(), "1")
		require.NoError(b, err)
		require.Equal(b, fmt.Sprint("reason ", round), one.Reason)
		require.NoError(b, b.h.Replay(b.Context(), "1"))
		require.ErrorIs(b, b.h.Replay(b.Context(), "1"), queue.ErrNotFound)
	}
	seen, _ := b.collect(queue.Options{}, nil)
	got := next(b, seen)
	require.Equal(b, message("1"), got.Message)
	require.Equal(b, 1, got.Count)
	b.empty()
}

func parkedDiscard(b *bench) {
	const more = 12
	for i := range more {
		b.enqueue(message(fmt.Sprint(i)))
		b.h.Park("why", "", false)
	}
	for i := more - 1; i > 0; i-- { // the last first: every other one is looked at on the way
		require.NoError(b, b.h.Discard(b.Context(), fmt.Sprint(i)))
		require.ErrorIs(b, b.h.Discard(b.Context(), fmt.Sprint(i)), queue.ErrNotFound)
	}
	found, err := b.h.Dead(b.Context(), name)
	require.NoError(b, err)
	require.Len(b, found, 1)
	require.Equal(b, []any{name, "0", "why", 1}, []any{found[0].Queue, found[0].ID, found[0].Reason, found[0].Count})
}

func parkedTwice(b *bench) {
	b.enqueue(message("1"))
	b.h.Park("why", "", true)
	b.h.ExpireLocks()
	b.h.Park("why", "", false)
	b.depth(func(d queue.Depth) bool { return d == queue.Depth{Dead: 1} })
}
