package servicebusfake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/servicebusfake"
)

func (b *bench) complete(m *sb.ReceivedMessage) {
	b.Helper()
	require.NoError(b, b.receiver.CompleteMessage(b.Context(), m, nil))
}

func codeOf(err error) sb.Code {
	if e := (*sb.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func conditionOf(err error) amqp.ErrCond {
	if e := (*amqp.Error)(nil); errors.As(err, &e) {
		return e.Condition
	}
	return ""
}

func planned(id string, after time.Duration) *sb.Message {
	m := text(id)
	m.ScheduledEnqueueTime = to.Ptr(time.Now().Add(after))
	return m
}

func TestABatchArrives(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		batch, err := b.sender.NewMessageBatch(b.Context(), nil)
		require.NoError(b, err)
		for _, m := range []*sb.Message{text("1"), planned("2", time.Hour), text("3")} {
			require.NoError(b, batch.AddMessage(m, nil))
		}
		require.NoError(b, b.sender.SendMessageBatch(b.Context(), batch, nil))
		require.Equal(b, servicebusfake.Depth{Active: 2, Planned: 1}, b.s.Depth("Q"))
		for _, id := range []string{"1", "3", "2"} {
			m := b.receive()
			require.Equal(b, id, m.MessageID)
			b.complete(m)
		}
	})
}

func TestLargeMessages(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		large := text("1")
		large.Body = bytes.Repeat([]byte("x"), 200<<10)
		b.send(large)
		require.Equal(b, large.Body, b.receive().Body)
		large.Body = bytes.Repeat([]byte("x"), 300<<10)
		require.ErrorIs(b, b.sender.SendMessage(b.Context(), large, nil), sb.ErrMessageTooLarge)
	})
}

func TestAFullQueueRefuses(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{MaxSize: 1000}, func(b *bench) {
		m := text("1")
		m.Body = make([]byte, 800)
		b.send(m)
		require.Equal(b, amqp.ErrCondResourceLimitExceeded, conditionOf(b.sender.SendMessage(b.Context(), m, nil)))
		b.complete(b.receive())
		b.send(m)
	})
}

func TestPlannedMessages(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		due := time.Now().Add(time.Hour).Truncate(time.Millisecond)
		sequences, err := b.sender.ScheduleMessages(b.Context(), []*sb.Message{text("1"), text("2")}, due, nil)
		require.NoError(b, err)
		require.Len(b, sequences, 2)
		require.NoError(b, b.sender.CancelScheduledMessages(b.Context(), sequences[1:], nil))
		require.Equal(b, sb.CodeNotFound, codeOf(b.sender.CancelScheduledMessages(b.Context(), sequences[1:], nil)))

		shown, err := b.receiver.PeekMessages(b.Context(), 10, nil)
		require.NoError(b, err)
		require.Len(b, shown, 1)
		require.Equal(b, []any{sb.MessageStateScheduled, sequences[0]}, []any{shown[0].State, *shown[0].SequenceNumber})

		got := b.receive()
		require.Equal(b, "1", got.MessageID)
		require.False(b, time.Now().Before(due))
		require.NotEqual(b, sequences[0], *got.SequenceNumber, "activation gives a new one")
		require.Equal(b, sb.CodeNotFound, codeOf(b.sender.CancelScheduledMessages(b.Context(), sequences[:1], nil)))
	})
}

func TestDuplicatesAreDropped(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{DetectDuplicates: true}, func(b *bench) {
		b.send(planned("1", 5*time.Minute))
		b.send(text("1"))
		sequences, err := b.sender.ScheduleMessages(b.Context(), []*sb.Message{text("1")}, time.Now().Add(time.Hour), nil)
		require.NoError(b, err)
		require.Len(b, sequences, 1, "a dropped message has a sequence number too")
		b.complete(b.receive())
		b.send(text("1"))
		require.Equal(b, servicebusfake.Depth{}, b.s.Depth("q"))
		time.Sleep(5 * time.Minute)
		b.send(text("1"))
		require.Equal(b, servicebusfake.Depth{Active: 1}, b.s.Depth("q"))
	})
}

func TestALockIsRenewedLostAndCounted(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{Lock: 30 * time.Second}, func(b *bench) {
		b.send(text("1"))
		m := b.receive()
		time.Sleep(20 * time.Second)
		require.NoError(b, b.receiver.RenewMessageLock(b.Context(), m, nil))
		time.Sleep(20 * time.Second)
		require.Equal(b, servicebusfake.Depth{Locked: 1}, b.s.Depth("q"))
		again := b.receive()
		require.EqualValues(b, 2, again.DeliveryCount)
		require.Equal(b, sb.CodeLockLost, codeOf(b.receiver.CompleteMessage(b.Context(), m, nil)))
		require.Equal(b, sb.CodeLockLost, codeOf(b.receiver.RenewMessageLock(b.Context(), m, nil)))
		b.complete(again)
	})
}

func TestAbandonKeepsProperties(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		b.send(text("1"))
		o := &sb.AbandonMessageOptions{PropertiesToModify: map[string]any{"why": "no time"}}
		require.NoError(b, b.receiver.AbandonMessage(b.Context(), b.receive(), o))
		again := b.receive()
		require.EqualValues(b, 2, again.DeliveryCount)
		require.Equal(b, map[string]any{"why": "no time"}, again.ApplicationProperties)
	})
}

func TestTooManyDeliveriesAreBuried(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{MaxDeliveries: 2}, func(b *bench) {
		b.send(text("1"))
		for range 2 {
			require.NoError(b, b.receiver.AbandonMessage(b.Context(), b.receive(), nil))
		}
		dead := b.newReceiver(&sb.ReceiverOptions{SubQueue: sb.SubQueueDeadLetter})
		m := receiveOn(b, dead)
		require.Equal(b, []string{"MaxDeliveryCountExceeded", "q"}, []string{*m.DeadLetterReason, *m.DeadLetterSource})
		for range 5 { // dead letters do not wear out
			require.NoError(b, dead.AbandonMessage(b.Context(), m, nil))
			m = receiveOn(b, dead)
		}
		require.NoError(b, dead.CompleteMessage(b.Context(), m, nil))
		require.Zero(b, b.s.Depth("q"))
	})
}

func TestADeadLetterHasItsReason(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		b.send(text("1"))
		o := &sb.DeadLetterOptions{Reason: to.Ptr("why"), ErrorDescription: to.Ptr("text"), PropertiesToModify: map[string]any{"n": int64(1)}}
		require.NoError(b, b.receiver.DeadLetterMessage(b.Context(), b.receive(), o))
		m := receiveOn(b, b.newReceiver(&sb.ReceiverOptions{SubQueue: sb.SubQueueDeadLetter}))
		require.Equal(b, []any{"why", "text", int64(1)}, []any{*m.DeadLetterReason, *m.DeadLetterErrorDescription, m.ApplicationProperties["n"]})
	})
}

func TestTheLockTokenAloneSettles(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		for i := range 4 {
			b.send(text(fmt.Sprint(i)))
		}
		var bare []*sb.ReceivedMessage
		for range 4 {
			bare = append(bare, &sb.ReceivedMessage{LockToken: b.receive().LockToken})
		}
		require.NoError(b, b.receiver.Close(b.Context()))
		r := b.newReceiver(nil)
		require.NoError(b, r.CompleteMessage(b.Context(), bare[0], nil))
		require.NoError(b, r.AbandonMessage(b.Context(), bare[1], nil))
		require.NoError(b, r.DeadLetterMessage(b.Context(), bare[2], nil))
		require.NoError(b, r.DeferMessage(b.Context(), bare[3], nil))
		require.Equal(b, servicebusfake.Depth{Active: 1, Deferred: 1, Dead: 1}, b.s.Depth("q"))
		require.Equal(b, sb.CodeLockLost, codeOf(r.CompleteMessage(b.Context(), bare[0], nil)))
	})
}

func TestADeferredMessageIsReceivedByItsNumber(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		b.send(text("1"))
		m := b.receive()
		require.NoError(b, b.receiver.DeferMessage(b.Context(), m, nil))
		b.nothing()
		got, err := b.receiver.ReceiveDeferredMessages(b.Context(), []int64{*m.SequenceNumber}, nil)
		require.NoError(b, err)
		require.Len(b, got, 1)
		b.complete(got[0])
		_, err = b.receiver.ReceiveDeferredMessages(b.Context(), []int64{*m.SequenceNumber}, nil)
		require.Equal(b, sb.CodeNotFound, codeOf(err))
	})
}

func TestReceiveAndDelete(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		b.send(text("1"))
		receiveOn(b, b.newReceiver(&sb.ReceiverOptions{ReceiveMode: sb.ReceiveModeReceiveAndDelete}))
		require.Zero(b, b.s.Depth("q"))
	})
}

func TestALateMessageIsNeitherLostNorCounted(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		b.nothing()
		b.send(text("1")) // meets the credit that is still open, and is released
		time.Sleep(time.Minute)
		require.EqualValues(b, 1, b.receive().DeliveryCount)
	})
}

func TestMessagesExpire(t *testing.T) {
	brief := text("1")
	brief.TimeToLive = to.Ptr(time.Minute)
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		b.send(brief)
		time.Sleep(time.Minute + time.Second)
		require.Zero(b, b.s.Depth("q"))
	})
	inBubble(t, servicebusfake.QueueSettings{TimeToLive: time.Hour, DeadLetterExpired: true}, func(b *bench) {
		b.send(text("2"))
		time.Sleep(time.Hour)
		m := receiveOn(b, b.newReceiver(&sb.ReceiverOptions{SubQueue: sb.SubQueueDeadLetter}))
		require.Equal(b, "TTLExpiredException", *m.DeadLetterReason)
	})
}

func TestFaults(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		b.s.RefuseLinks("q", string(amqp.ErrCondUnauthorizedAccess), 1)
		require.Equal(b, sb.CodeUnauthorizedAccess, codeOf(b.sender.SendMessage(b.Context(), text("1"), nil)))
		b.s.UnauthorizedAfter(0)
		require.Equal(b, sb.CodeUnauthorizedAccess, codeOf(b.sender.SendMessage(b.Context(), text("1"), nil)))
		b.s.UnauthorizedAfter(-1)
		b.s.Busy(3)
		require.EqualValues(b, "com.microsoft:server-busy", conditionOf(b.sender.SendMessage(b.Context(), text("1"), nil)))
		b.s.SetDown(true)
		require.Zero(b, b.s.Connections())
		require.Equal(b, sb.CodeConnectionLost, codeOf(b.sender.SendMessage(b.Context(), text("1"), nil)))
		b.s.SetDown(false)
		b.send(text("1"))
		require.Equal(b, 1, b.s.Connections())

		m := b.receive()
		b.s.LoseSettlements(1)
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		require.ErrorIs(b, b.receiver.CompleteMessage(ctx, m, nil), context.DeadlineExceeded)
		require.Equal(b, servicebusfake.Depth{Locked: 1}, b.s.Depth("q"))
		b.s.ExpireLocks()
		require.EqualValues(b, 2, b.receive().DeliveryCount)
	})
}

func TestAnUnknownQueueIsNotFound(t *testing.T) {
	inBubble(t, servicebusfake.QueueSettings{}, func(b *bench) {
		r, err := b.client.NewReceiverForQueue("nowhere", nil)
		require.NoError(b, err)
		_, err = r.ReceiveMessages(b.Context(), 1, nil)
		require.Equal(b, amqp.ErrCondNotFound, conditionOf(err))
	})
}

// TestTheClockCanBeSet moves the namespace's clock, not the timers.
func TestTheClockCanBeSet(t *testing.T) {
	var ahead time.Duration
	o := servicebusfake.Options{
		Now:    func() time.Time { return time.Now().Add(ahead) },
		Queues: map[string]servicebusfake.QueueSettings{"q": {}},
	}
	inBubbleWith(t, o, func(b *bench) {
		b.send(planned("1", time.Hour))
		ahead = time.Hour
		b.s.Wake()
		require.Equal(b, servicebusfake.Depth{Active: 1}, b.s.Depth("q"))
	})
}
