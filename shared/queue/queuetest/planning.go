package queuetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

func planning() []testCase {
	cancels := func(h Harness) bool { _, ok := h.Engine.(Canceller); return ok }
	return []testCase{
		{name: "a planned message is never early and hardly late", run: neverEarly},
		{name: "a fraction of a millisecond is not early either", run: neverEarlyByFraction},
		{name: "a time in the past is at once", run: pastIsNow},
		{name: "an earlier message overtakes a later one", run: earlierOvertakes},
		{name: "a planned message can be cancelled until it is due", can: cancels, run: cancelPlanned},
		{name: "the depth counts by state", run: depthCounts},
	}
}

func neverEarly(b *bench) {
	seen, _ := b.collect(queue.Options{Workers: 4}, nil)
	start := time.Now()
	for i := range 50 {
		b.enqueue(planned(fmt.Sprint(i), start.Add(b.delay()*time.Duration(i*7%50)/50)))
	}
	for range 50 {
		d := next(b, seen)
		late := time.Since(d.NotBefore)
		require.GreaterOrEqual(b, late, time.Duration(0), "message %s came early", d.ID)
		require.LessOrEqual(b, late, b.late())
	}
	b.empty()
}

func neverEarlyByFraction(b *bench) {
	seen, _ := b.collect(queue.Options{}, nil)
	due := time.Now().Truncate(time.Millisecond).Add(20*time.Millisecond + time.Nanosecond)
	b.enqueue(planned("1", due))
	next(b, seen)
	require.False(b, time.Now().Before(due))
}

func pastIsNow(b *bench) {
	seen, _ := b.collect(queue.Options{}, nil)
	start := time.Now()
	b.enqueue(planned("1", start.Add(-b.delay())))
	next(b, seen)
	require.LessOrEqual(b, time.Since(start), b.late())
}

func earlierOvertakes(b *bench) {
	seen, _ := b.collect(queue.Options{}, nil)
	now := time.Now()
	b.enqueue(planned("late", now.Add(b.delay())))
	b.enqueue(planned("soon", now.Add(b.delay()/2)))
	require.Equal(b, "soon", next(b, seen).ID)
	require.Equal(b, "late", next(b, seen).ID)
}

func cancelPlanned(b *bench) {
	engine := b.h.Engine.(Canceller)
	b.enqueue(planned("1", time.Now().Add(b.delay())), message("2"))
	require.NoError(b, engine.Cancel(b.Context(), name, "1"))
	require.ErrorIs(b, engine.Cancel(b.Context(), name, "1"), queue.ErrNotFound)
	require.ErrorIs(b, engine.Cancel(b.Context(), name, "2"), queue.ErrNotFound, "it is due already")
	require.ErrorIs(b, engine.Cancel(b.Context(), "other", "1"), queue.ErrNotFound)
	seen, _ := b.collect(queue.Options{}, nil)
	require.Equal(b, "2", next(b, seen).ID)
	b.empty()
	time.Sleep(b.delay())
	quiet(b, seen)
}

func depthCounts(b *bench) {
	start := time.Now().Add(-time.Millisecond)
	release := make(chan struct{})
	busy := make(chan string, 10)
	b.enqueue(message("held"))
	b.consume(queue.Options{}, holding(busy, release))
	next(b, busy)
	b.enqueue(message("a"), message("b"), planned("c", time.Now().Add(time.Hour)))
	d := b.depth(func(d queue.Depth) bool { return d.Locked == 1 })
	assert.WithinRange(b, d.Oldest, start, time.Now())
	d.Oldest = time.Time{}
	assert.Equal(b, queue.Depth{Active: 2, Planned: 1, Locked: 1}, d)
	close(release)
	b.depth(func(d queue.Depth) bool { return d == queue.Depth{Planned: 1} })
}
