package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
)

// OutboxHarness is an empty database with an outbox.
type OutboxHarness struct {
	// Process opens the ledger on it as one more process.
	Process func(tables.OutboxOptions) *tables.OutboxLedger
	// Waiting counts the messages in the outbox.
	Waiting func() int
}

// RunOutbox checks what becomes of messages that leave by an outbox. open opens an empty
// database that is closed when the test ends.
func RunOutbox(t *testing.T, open func(t *testing.T) OutboxHarness) {
	for name, run := range map[string]func(*outboxBench){
		"the queue is down after the commit":              queueDown,
		"the process dies before it sends":                diesBeforeSend,
		"the process dies between send and removal":       diesAfterSend,
		"a message is removed only when acknowledged":     removedWhenAcknowledged,
		"every field survives":                            fieldsSurvive,
		"a bad message holds up no other":                 badHoldsUpNone,
		"a message that no queue takes is refused":        refusedAtOnce,
		"two processes flush at once":                     twoFlush,
		"a caller that goes away does not stop the send":  callerGone,
		"an overdue message leaves in the order it stood": inOrder,
		"there is no flush without a sender":              noSender,
	} {
		t.Run(name, func(t *testing.T) { run(&outboxBench{t, open(t), &Post{}}) })
	}
}

type outboxBench struct {
	*testing.T
	h    OutboxHarness
	post *Post
}

var errDown = errors.New("the queue is down")

// process opens the ledger with a sender, and fails when it observes anything.
func (b *outboxBench) process(s tables.Sender) *tables.OutboxLedger {
	return b.h.Process(tables.OutboxOptions{Sender: s, Observe: func(err error) { assert.NoError(b, err) }})
}

// observed opens the ledger with the post office, and notes what it observes.
func (b *outboxBench) observed() (l *tables.OutboxLedger, seen func() []error) {
	var errs []error
	l = b.h.Process(tables.OutboxOptions{Sender: b.post, Observe: func(err error) { errs = append(errs, err) }})
	return l, func() []error { return errs }
}

// accept stores a request with a message.
func (b *outboxBench) accept(l *tables.OutboxLedger, id string) {
	b.Helper()
	_, err := l.Accept(b.Context(), ledger.Keys{Business: id, Tenant: contoso}, always(draft(id)))
	require.NoError(b, err)
}

// send lets an update send messages to the queue "create".
func (b *outboxBench) send(ctx context.Context, l *tables.OutboxLedger, msgs ...queue.Message) error {
	return l.Update(ctx, "r1", func(rec *ledger.Record) error {
		rec.Send = nil
		for _, m := range msgs {
			rec.Send = append(rec.Send, ledger.Outgoing{Queue: "create", Message: m})
		}
		return nil
	})
}

func queueDown(b *outboxBench) {
	l, seen := b.observed()
	b.post.refuse = func(string) error { return errDown }
	b.accept(l, "r1")
	require.Len(b, seen(), 1)
	require.ErrorIs(b, seen()[0], errDown)
	require.ErrorContains(b, seen()[0], "stays in the outbox")
	require.Equal(b, 1, b.h.Waiting())
	require.ErrorIs(b, l.Flush(b.Context()), errDown)

	b.post.refuse = nil
	require.NoError(b, l.Flush(b.Context()))
	require.Equal(b, []string{"r1/create/1"}, b.post.Sent())
	require.Zero(b, b.h.Waiting())
}

// diesBeforeSend stands for it with a process that never sends.
func diesBeforeSend(b *outboxBench) {
	b.accept(b.process(nil), "r1")
	require.Equal(b, 1, b.h.Waiting())
	require.NoError(b, b.process(b.post).Flush(b.Context()))
	require.Equal(b, []string{"r1/create/1"}, b.post.Sent())
}

func diesAfterSend(b *outboxBench) {
	b.accept(b.process(nil), "r1")
	ctx, die := context.WithCancel(b.Context())
	b.post.after = die
	require.Error(b, b.process(b.post).Flush(ctx))
	require.Equal(b, 1, b.h.Waiting())
	require.NoError(b, b.process(b.post).Flush(b.Context()))
	require.Equal(b, 2, b.post.calls)
	require.Equal(b, []string{"r1/create/1"}, b.post.Sent(), "the same id, which the queue drops")
	require.Zero(b, b.h.Waiting())
}

func removedWhenAcknowledged(b *outboxBench) {
	b.post.after = func() { assert.Equal(b, 1, b.h.Waiting()) }
	b.accept(b.process(b.post), "r1")
	require.Zero(b, b.h.Waiting())
}

func fieldsSurvive(b *outboxBench) {
	want := queue.Message{
		ID: "m1", Subject: "s", CorrelationID: "c", Body: []byte("{\"a\":\x00\xff}"),
		Attributes: map[string]string{"k": "v"}, NotBefore: time.Date(2026, 3, 1, 12, 0, 0, 123, time.UTC),
	}
	l := b.process(nil)
	b.accept(l, "r1")
	require.NoError(b, b.send(b.Context(), l, want))
	require.NoError(b, b.process(b.post).Flush(b.Context()))
	require.Len(b, b.post.had, 2)
	require.Equal(b, want, b.post.had[0])
}

func badHoldsUpNone(b *outboxBench) {
	l := b.process(nil)
	b.accept(l, "r1")
	var many []queue.Message
	for i := range 201 {
		many = append(many, queue.Message{ID: fmt.Sprintf("m%03d", i)})
	}
	require.NoError(b, b.send(b.Context(), l, many...))
	b.post.refuse = func(id string) error {
		if strings.HasSuffix(id, "50") {
			return errDown
		}
		return nil
	}
	require.ErrorIs(b, b.process(b.post).Flush(b.Context()), errDown)
	require.Len(b, b.post.Sent(), 200)
	require.Equal(b, 2, b.h.Waiting())
}

func refusedAtOnce(b *outboxBench) {
	l := b.process(nil)
	b.accept(l, "r1")
	for want, bad := range map[error]queue.Message{
		queue.ErrNoID:     {},
		queue.ErrTooLarge: {ID: "large", Body: make([]byte, queue.MaxBody+1)},
	} {
		require.ErrorIs(b, b.send(b.Context(), l, bad), want)
	}
}

func twoFlush(b *outboxBench) {
	l := b.process(nil)
	for i := range 5 {
		b.accept(l, fmt.Sprint("r", i))
	}
	var both sync.WaitGroup
	for range 2 {
		p := b.process(b.post)
		both.Go(func() { assert.NoError(b, p.Flush(b.Context())) })
	}
	both.Wait()
	require.Len(b, b.post.Sent(), 5)
	require.Zero(b, b.h.Waiting())
}

func callerGone(b *outboxBench) {
	l := b.process(b.post)
	b.accept(l, "r1")
	ctx, cancel := context.WithCancel(b.Context())
	require.NoError(b, l.Update(ctx, "r1", func(rec *ledger.Record) error {
		cancel()
		rec.Send = []ledger.Outgoing{{Queue: "create", Message: queue.Message{ID: "m1"}}}
		return nil
	}))
	require.Equal(b, []string{"r1/create/1", "m1"}, b.post.Sent())
	require.Zero(b, b.h.Waiting())
}

func inOrder(b *outboxBench) {
	l := b.process(nil)
	b.accept(l, "r1")
	require.NoError(b, b.send(b.Context(), l, queue.Message{ID: "b"}, queue.Message{ID: "a"}))
	require.NoError(b, b.send(b.Context(), l, queue.Message{ID: "a"}), "an id that waits is not written twice")
	require.Equal(b, 3, b.h.Waiting())
	require.NoError(b, b.process(b.post).Flush(b.Context()))
	require.Equal(b, []string{"a", "b", "r1/create/1"}, b.post.Sent())
}

func noSender(b *outboxBench) {
	require.ErrorContains(b, b.process(nil).Flush(b.Context()), "no sender")
}
