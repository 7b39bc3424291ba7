package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

func TestQueueIsDownAfterTheCommit(t *testing.T) {
	url, box := database(t), &post{refuse: func(string) error { return errDown }}
	var observed []error
	l, err := Open(t.Context(), Options{URL: url, Sender: box, Observe: func(err error) { observed = append(observed, err) }})
	require.NoError(t, err)
	defer l.Close() // it has none
	accept(t, l, "r1")
	require.Len(t, observed, 1)
	require.ErrorIs(t, observed[0], errDown)
	require.ErrorContains(t, observed[0], "stays in the outbox")
	require.Equal(t, 1, count(t, url, "outbox"))
	require.ErrorIs(t, l.Flush(t.Context()), errDown)

	box.refuse = nil
	require.NoError(t, l.Flush(t.Context()))
	require.Equal(t, []string{"r1/create/1"}, box.sent())
	require.Zero(t, count(t, url, "outbox"))
}

// TestProcessDiesBeforeItSends stands for it with a process that never sends.
func TestProcessDiesBeforeItSends(t *testing.T) {
	url, box := database(t), &post{}
	accept(t, process(t, url, nil), "r1")
	require.Equal(t, 1, count(t, url, "outbox"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := process(t, url, senderFunc(func(ctx context.Context, name string, msgs ...queue.Message) error {
		defer cancel()
		return box.Enqueue(ctx, name, msgs...)
	}))
	next.Sweep(ctx, time.Hour)
	require.Equal(t, []string{"r1/create/1"}, box.sent())
}

func TestSweepComesAgain(t *testing.T) {
	url, box := database(t), &post{}
	ctx, cancel := context.WithCancel(t.Context())
	failures := 0
	l := process(t, url, senderFunc(func(ctx context.Context, name string, msgs ...queue.Message) error {
		if failures++; failures < 3 {
			return errDown
		}
		cancel()
		return box.Enqueue(ctx, name, msgs...)
	}))
	var observed []error
	l.engine.outbox.observe = func(err error) { observed = append(observed, err) }
	accept(t, l, "r1") // the first failure
	l.Sweep(ctx, time.Millisecond)
	require.Len(t, observed, 2)
	require.Equal(t, []string{"r1/create/1"}, box.sent())
}

type senderFunc func(ctx context.Context, name string, msgs ...queue.Message) error

func (f senderFunc) Enqueue(ctx context.Context, name string, msgs ...queue.Message) error {
	return f(ctx, name, msgs...)
}

func TestMessageIsRemovedOnlyWhenAcknowledged(t *testing.T) {
	url, box := database(t), &post{}
	l := process(t, url, senderFunc(func(ctx context.Context, name string, msgs ...queue.Message) error {
		assert.Equal(t, 1, count(t, url, "outbox"))
		return box.Enqueue(ctx, name, msgs...)
	}))
	accept(t, l, "r1")
	require.Zero(t, count(t, url, "outbox"))
}

func TestProcessDiesBetweenSendAndRemoval(t *testing.T) {
	url, box := database(t), &post{}
	ctx, die := context.WithCancel(t.Context())
	dying := process(t, url, senderFunc(func(ctx context.Context, name string, msgs ...queue.Message) error {
		defer die()
		return box.Enqueue(ctx, name, msgs...)
	}))
	accept(t, process(t, url, nil), "r1")
	require.Error(t, dying.Flush(ctx))
	require.Equal(t, 1, count(t, url, "outbox"))
	require.NoError(t, process(t, url, box).Flush(t.Context()))
	require.Equal(t, 2, box.sends)
	require.Equal(t, []string{"r1/create/1"}, box.sent(), "the same id, which the queue drops")
	require.Zero(t, count(t, url, "outbox"))
}

func TestEveryFieldOfAMessageSurvivesTheOutbox(t *testing.T) {
	url := database(t)
	want := queue.Message{
		ID: "m1", Subject: "s", CorrelationID: "c", Body: []byte("{\"a\":\x00\xff}"),
		Attributes: map[string]string{"k": "v"}, NotBefore: time.Date(2026, 3, 1, 12, 0, 0, 123, time.UTC),
	}
	l := process(t, url, nil)
	accept(t, l, "r1")
	require.NoError(t, l.Update(t.Context(), "r1", func(rec *ledger.Record) error {
		rec.Send = []ledger.Outgoing{{Queue: "a-queue", Message: want}}
		return nil
	}))
	got := map[string]queue.Message{}
	next := process(t, url, senderFunc(func(_ context.Context, name string, msgs ...queue.Message) error {
		got[name] = msgs[0]
		return nil
	}))
	require.NoError(t, next.Flush(t.Context()))
	require.Equal(t, want, got["a-queue"])
	require.Len(t, got, 2)
}

func TestBadMessageHoldsUpNoOther(t *testing.T) {
	url, box := database(t), &post{}
	l := process(t, url, nil)
	accept(t, l, "r1")
	require.NoError(t, l.Update(t.Context(), "r1", func(rec *ledger.Record) error {
		for i := range 2*outboxPage + 1 {
			rec.Send = append(rec.Send, ledger.Outgoing{Queue: "create", Message: queue.Message{ID: fmt.Sprintf("m%03d", i)}})
		}
		return nil
	}))
	box.refuse = func(id string) error {
		if strings.HasSuffix(id, "50") {
			return errDown
		}
		return nil
	}
	require.ErrorIs(t, process(t, url, box).Flush(t.Context()), errDown)
	require.Len(t, box.sent(), 2*outboxPage)
	require.Equal(t, 2, count(t, url, "outbox"))
}

func TestMessageThatNoQueueTakesIsRefusedAtOnce(t *testing.T) {
	l := process(t, database(t), nil)
	accept(t, l, "r1")
	for want, bad := range map[error]queue.Message{
		queue.ErrNoID:     {},
		queue.ErrTooLarge: {ID: "large", Body: make([]byte, queue.MaxBody+1)},
	} {
		require.ErrorIs(t, l.Update(t.Context(), "r1", func(rec *ledger.Record) error {
			rec.Send = []ledger.Outgoing{{Queue: "create", Message: bad}}
			return nil
		}), want)
	}
}

func TestTwoProcessesFlushAtOnce(t *testing.T) {
	url, box := database(t), &post{}
	l := process(t, url, nil)
	for i := range 5 {
		accept(t, l, fmt.Sprint("r", i))
	}
	var both sync.WaitGroup
	for range 2 {
		p := process(t, url, box)
		both.Go(func() { assert.NoError(t, p.Flush(t.Context())) })
	}
	both.Wait()
	require.Len(t, box.sent(), 5)
	require.Zero(t, count(t, url, "outbox"))
}

func TestFlushWithoutASender(t *testing.T) {
	require.ErrorContains(t, process(t, database(t), nil).Flush(t.Context()), "no sender")
}
