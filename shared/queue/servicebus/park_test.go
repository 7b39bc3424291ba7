package servicebus

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/queuetest"
	"github.com/usher365/usher/shared/servicebusfake"
)

// park does what the host of Azure Functions and a handler behind it do.
func park(tb testing.TB, q *Queue, reason, text string, dies bool) {
	r, err := q.client.NewReceiverForQueue("work", nil)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, r.Close(tb.Context())) }()
	got, err := r.ReceiveMessages(tb.Context(), 1, nil)
	require.NoError(tb, err)
	require.Len(tb, got, 1)
	m := got[0]
	f := Foreign{
		Queue: "work", MessageID: m.MessageID, Subject: valueOf(m.Subject), CorrelationID: valueOf(m.CorrelationID),
		Body: m.Body, Properties: m.ApplicationProperties, Count: int(m.DeliveryCount), EnqueuedAt: *m.EnqueuedTime,
	}
	require.NoError(tb, q.Park(tb.Context(), f, reason, text))
	if !dies {
		require.NoError(tb, r.CompleteMessage(tb.Context(), m, nil))
	}
}

// A message that somebody else received reads as one that Run hands over.
func TestForeignDelivery(t *testing.T) {
	at := time.Date(2026, 11, 21, 19, 30, 0, 0, time.UTC)
	f := Foreign{
		Queue: "work", MessageID: "r/a/1/replay/7", Subject: "s", CorrelationID: "r", Body: []byte("b"), Count: 5, EnqueuedAt: at,
		Properties: map[string]any{propertyID: "r/a/1", propertyUncounted: float64(2), "k": "v", "number": 1.0},
	}
	assert.Equal(t, queue.Delivery{
		Message: queue.Message{ID: "r/a/1", Subject: "s", CorrelationID: "r", Body: []byte("b"), Attributes: map[string]string{"k": "v"}},
		Queue:   "work", Count: 3, EnqueuedAt: at,
	}, f.Delivery())
}

func TestParkingNeedsItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := servicebusfake.New(servicebusfake.Options{Queues: map[string]servicebusfake.QueueSettings{"work": {}, "other": {}}})
		defer func() { require.NoError(t, fake.Close()) }()
		q, _ := overPipe(fake).connect(t)
		require.ErrorIs(t, q.Park(t.Context(), Foreign{Queue: "work", MessageID: "1"}, "why", ""), ErrNoQueue)
		found, err := q.Dead(t.Context(), "")
		require.NoError(t, err, "a namespace without it is well")
		assert.Empty(t, found)
		require.NoError(t, q.Close())
	})
}

// A dead letter that was replayed, and failed again under a host that parks, has the same
// number among the parked as it had among the dead: its second replay must arrive too.
func TestAReplayOfAReplayArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(t, queuetest.Settings{}, 30*time.Second)
		q, _ := overPipe(fake).connect(t)
		require.NoError(t, q.Enqueue(t.Context(), "work", queue.Message{ID: "1"}))
		ctx, stop := context.WithCancel(t.Context())
		require.NoError(t, q.Run(ctx, "work", queue.Options{}, func(context.Context, queue.Delivery) queue.Outcome {
			stop()
			return queue.Dead("why", "")
		}))
		require.NoError(t, q.Replay(t.Context(), "1"))
		park(t, q, "again", "", false)
		require.NoError(t, q.Replay(t.Context(), "1"))
		assert.Equal(t, servicebusfake.Depth{Active: 1}, fake.Depth("work"))
		assert.Equal(t, servicebusfake.Depth{}, fake.Depth(Parked))
	})
}
