package queuetest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

func sending() []testCase {
	window := Settings{DuplicateWindow: 10 * time.Minute}
	return []testCase{
		{name: "every field arrives", run: everyFieldArrives},
		{name: "a message needs an id", run: needsID},
		{name: "a body has a largest size", run: largestBody},
		{name: "all messages or none", run: allOrNone},
		{name: "queues do not mix", run: queuesDoNotMix},
		{name: "work that arrives while idle is handed over at once", run: wakesUp},
		{name: "a repeated id is dropped", run: dropsRepeated},
		{name: "a repeated id is dropped after the first was consumed", run: dropsConsumed},
		{name: "a repeated id is dropped while the first is planned", run: dropsPlanned},
		{name: "the duplicate window is fixed and ends", settings: window, hours: true, run: windowEnds},
	}
}

func everyFieldArrives(b *bench) {
	seen, _ := b.collect(queue.Options{}, nil)
	before := time.Now().Truncate(time.Millisecond)
	sent := queue.Message{
		ID: "r1/create/1", Subject: "dev.usher365.create.v1", CorrelationID: "r1",
		Body:       []byte{0, 1, 2, 0xff, '{', '"'},
		Attributes: map[string]string{"traceparent": "00-ab-cd-01", "empty": "", "ümlaut": "日本"},
	}
	b.enqueue(sent)
	got := next(b, seen)
	assert.Equal(b, sent, got.Message)
	assert.Equal(b, name, got.Queue)
	assert.Equal(b, 1, got.Count)
	assert.WithinRange(b, got.EnqueuedAt, before, time.Now().Add(b.late()))
	b.empty()
}

func needsID(b *bench) {
	require.ErrorIs(b, b.h.Enqueue(b.Context(), name, queue.Message{Body: []byte("x")}), queue.ErrNoID)
	b.empty()
}

func largestBody(b *bench) {
	seen, _ := b.collect(queue.Options{}, nil)
	m := message("large")
	m.Body = bytes.Repeat([]byte("x"), queue.MaxBody+1)
	require.ErrorIs(b, b.h.Enqueue(b.Context(), name, m), queue.ErrTooLarge)
	m.Body = m.Body[1:]
	b.enqueue(m)
	require.Len(b, next(b, seen).Body, queue.MaxBody)
}

func allOrNone(b *bench) {
	err := b.h.Enqueue(b.Context(), name, message("good"), queue.Message{})
	require.ErrorIs(b, err, queue.ErrNoID)
	seen, _ := b.collect(queue.Options{}, nil)
	quiet(b, seen)
	b.enqueue(message("good")) // the id was not remembered either
	require.Equal(b, "good", next(b, seen).ID)
}

func queuesDoNotMix(b *bench) {
	seen, _ := b.collect(queue.Options{}, nil)
	require.NoError(b, b.h.Enqueue(b.Context(), "other", message("1")))
	quiet(b, seen)
	b.enqueue(message("1")) // the same id on another queue is another message
	require.Equal(b, name, next(b, seen).Queue)
}

func wakesUp(b *bench) {
	seen, _ := b.collect(queue.Options{Workers: 3}, nil)
	for i := range 5 {
		quiet(b, seen)
		sent := time.Now()
		b.enqueue(message(fmt.Sprint(i)))
		next(b, seen)
		require.LessOrEqual(b, time.Since(sent), b.late())
	}
}

func dropsRepeated(b *bench) {
	b.enqueue(message("1"), message("1"))
	b.enqueue(message("1"))
	seen, _ := b.collect(queue.Options{}, nil)
	require.Equal(b, "1", next(b, seen).ID)
	quiet(b, seen)
}

func dropsConsumed(b *bench) {
	seen, _ := b.collect(queue.Options{}, nil)
	b.enqueue(message("1"))
	next(b, seen)
	b.empty()
	b.enqueue(message("1"))
	quiet(b, seen)
}

func dropsPlanned(b *bench) {
	seen, _ := b.collect(queue.Options{}, nil)
	b.enqueue(planned("1", time.Now().Add(b.calm()*2)))
	b.enqueue(message("1"))
	quiet(b, seen)
	require.Equal(b, "1", next(b, seen).ID)
	quiet(b, seen)
}

func windowEnds(b *bench) {
	seen, _ := b.collect(queue.Options{}, nil)
	b.enqueue(message("1"))
	next(b, seen)
	time.Sleep(9 * time.Minute)
	b.enqueue(message("1")) // does not make the window longer
	time.Sleep(time.Minute)
	require.Empty(b, seen)
	b.enqueue(message("1"))
	require.True(b, strings.HasSuffix(string(next(b, seen).Body), "1"))
	quiet(b, seen)
}
