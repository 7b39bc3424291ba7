package servicebus

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
	"github.com/usher365/usher/shared/queue/queuetest"
	"github.com/usher365/usher/shared/servicebusfake"
)

// bench is a queue on a fake namespace, in virtual time.
type bench struct {
	*testing.T
	fake *servicebusfake.Server
	q    *Queue

	mu        sync.Mutex
	incidents []error
}

func inBubble(t *testing.T, run func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, fake: newFake(t, queuetest.Settings{}, 30*time.Second)}
		q, err := New(Options{ConnectionString: connectionString, Dial: b.fake.Dial, Queues: []string{"work"}, Observe: b.note})
		require.NoError(t, err)
		b.q = q
		t.Cleanup(func() { require.NoError(t, q.Close()) })
		run(b)
	})
}

func (b *bench) note(i queue.Incident) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.incidents = append(b.incidents, i.Err)
}

func (b *bench) enqueue(ids ...string) {
	b.Helper()
	for _, id := range ids {
		require.NoError(b, b.q.Enqueue(b.Context(), "work", queue.Message{ID: id}))
	}
}

// run consumes until the returned function is called.
func (b *bench) run(o queue.Options, h queue.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.q.Run(ctx, "work", o, h) }()
	return func() {
		b.Helper()
		cancel()
		require.NoError(b, <-ended)
	}
}

// within waits until the fake's depth is as wanted, for so long at most, and tells how long it took.
func (b *bench) within(most time.Duration, wanted servicebusfake.Depth) time.Duration {
	b.Helper()
	start := time.Now()
	for b.fake.Depth("work") != wanted {
		time.Sleep(time.Millisecond)
		require.Less(b, time.Since(start), most, "depth %+v", b.fake.Depth("work"))
	}
	return time.Since(start)
}

// empty is a namespace without a message.
var empty = servicebusfake.Depth{}

func TestACutWhileHandlingIsSettledSoon(t *testing.T) {
	next := queue.Message{ID: "2", NotBefore: time.Now().Add(1000 * time.Hour)}
	for name, c := range map[string]struct {
		answer queue.Outcome
		left   servicebusfake.Depth
	}{
		"done":  {queue.Done(), empty},
		"dead":  {queue.Dead("why", "text"), servicebusfake.Depth{Dead: 1}},
		"retry": {queue.RetryWith(next), servicebusfake.Depth{Planned: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				handled := make(chan bool, 10)
				defer b.run(queue.Options{}, func(context.Context, queue.Delivery) queue.Outcome {
					b.fake.CutConnections()
					handled <- true
					return c.answer
				})()
				b.enqueue("1")
				<-handled
				b.within(2*time.Second, c.left)
				require.Empty(b, handled)
			})
		})
	}
}

// TestTheClientAloneTakesLong is why settling has a path of its own. When it fails, the
// client has become better, and settle.go can become smaller.
func TestTheClientAloneTakesLong(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.enqueue("1")
		r, err := b.q.client.NewReceiverForQueue("work", nil)
		require.NoError(b, err)
		got, err := r.ReceiveMessages(b.Context(), 1, nil)
		require.NoError(b, err)
		b.fake.CutConnections()
		start := time.Now()
		err = r.CompleteMessage(b.Context(), got[0], nil)
		_, _, code := marks(err)
		require.Equal(b, azservicebus.CodeConnectionLost, code)
		require.Greater(b, time.Since(start), 30*time.Second)
	})
}

func TestSettlementsThatGoWrong(t *testing.T) {
	for name, order := range map[string]func(*servicebusfake.Server){
		"lost":    func(s *servicebusfake.Server) { s.LoseSettlements(1) },
		"mute":    func(s *servicebusfake.Server) { s.MuteSettlements(1) },
		"delayed": func(s *servicebusfake.Server) { s.DelaySettlements(5*time.Second, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				handled := make(chan bool, 10)
				defer b.run(queue.Options{}, func(context.Context, queue.Delivery) queue.Outcome {
					order(b.fake)
					handled <- true
					return queue.Done()
				})()
				b.enqueue("1")
				<-handled
				b.within(2*time.Second, empty)
				b.enqueue("2") // the consumer goes on
				<-handled
				time.Sleep(time.Hour)
				require.Empty(b, handled, "a message was handled twice")
			})
		})
	}
}

func TestTheNamespaceGoesAwayAndComesBack(t *testing.T) {
	for name, when := range map[string]string{"before the start": "start", "while idle": "idle", "while handling": "busy"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				handled := make(chan string, 10)
				b.fake.SetDown(when == "start")
				defer b.run(queue.Options{}, func(_ context.Context, d queue.Delivery) queue.Outcome {
					handled <- d.ID
					if when == "busy" && d.ID == "1" {
						b.fake.SetDown(true)
						time.AfterFunc(15*time.Second, func() { b.fake.SetDown(false) })
					}
					return queue.Done()
				})()
				time.Sleep(time.Minute)
				if when == "idle" {
					b.fake.SetDown(true)
					time.Sleep(time.Minute)
				}
				b.fake.SetDown(false)
				require.NoError(b, b.q.Enqueue(b.Context(), "work", queue.Message{ID: "1"}, queue.Message{ID: "2"}))
				require.Equal(b, "1", <-handled)
				require.Equal(b, "2", <-handled)
				b.within(time.Minute, empty)
				require.Empty(b, handled)
			})
		})
	}
}

func TestBusyIsWaitedOut(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fake.Busy(2)
		b.enqueue("1") // the client's own retries
		b.fake.Busy(1000)
		err := b.q.Enqueue(b.Context(), "work", queue.Message{ID: "2"})
		require.True(b, fault.Is(err, fault.Throttled), "%v", err)
		require.Equal(b, busyPause, fault.RetryAfter(err))
		_, err = b.q.Depth(b.Context(), "work")
		require.True(b, fault.Is(err, fault.Throttled), "%v", err)
		b.fake.Busy(0)

		b.fake.RefuseLinks("work", "com.microsoft:server-busy", 20)
		handled := make(chan string, 10)
		defer b.run(queue.Options{}, func(_ context.Context, d queue.Delivery) queue.Outcome {
			handled <- d.ID
			return queue.Done()
		})()
		require.Equal(b, "1", <-handled)
		b.mu.Lock()
		defer b.mu.Unlock()
		require.NotEmpty(b, b.incidents)
		require.True(b, fault.Is(b.incidents[0], fault.Throttled), "%v", b.incidents[0])
	})
}

func TestAMissingQueueIsSaid(t *testing.T) {
	inBubble(t, func(b *bench) {
		require.ErrorIs(b, b.q.Run(b.Context(), "nowhere", queue.Options{}, nil), ErrNoQueue)
		require.ErrorIs(b, b.q.Enqueue(b.Context(), "nowhere", queue.Message{ID: "1"}), ErrNoQueue)
		_, err := b.q.Depth(b.Context(), "nowhere")
		require.ErrorIs(b, err, ErrNoQueue)
		_, err = b.q.Dead(b.Context(), "nowhere")
		require.ErrorIs(b, err, ErrNoQueue)
	})
}

func TestRefusedTokensAreSaidAndTriedAgain(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fake.UnauthorizedAfter(0)
		require.ErrorIs(b, b.q.Enqueue(b.Context(), "work", queue.Message{ID: "1"}), ErrUnauthorized)
		handled := make(chan string, 10)
		defer b.run(queue.Options{}, func(_ context.Context, d queue.Delivery) queue.Outcome {
			handled <- d.ID
			return queue.Done()
		})()
		time.Sleep(time.Minute)
		b.fake.UnauthorizedAfter(-1)
		b.enqueue("1")
		require.Equal(b, "1", <-handled)
		b.mu.Lock()
		defer b.mu.Unlock()
		require.ErrorIs(b, b.incidents[0], ErrUnauthorized)
		require.Less(b, len(b.incidents), 12, "the pauses grow")
	})
}

func TestALongIDIsKept(t *testing.T) {
	inBubble(t, func(b *bench) {
		handled := make(chan string, 10)
		defer b.run(queue.Options{}, func(_ context.Context, d queue.Delivery) queue.Outcome {
			handled <- d.ID
			return queue.Done()
		})()
		long := strings.Repeat("x", longestID)
		b.enqueue(long, long+"/1", long+"/2", long+"/1")
		for _, id := range []string{long, long + "/1", long + "/2"} {
			require.Equal(b, id, <-handled)
		}
		b.within(time.Second, empty)
		require.Empty(b, handled)
	})
}

func TestManyMessagesGoInParts(t *testing.T) {
	inBubble(t, func(b *bench) {
		var msgs []queue.Message
		for i := range 12 {
			msgs = append(msgs, queue.Message{ID: fmt.Sprint(i), Body: make([]byte, 100<<10)})
		}
		require.NoError(b, b.q.Enqueue(b.Context(), "work", msgs...))
		require.Equal(b, servicebusfake.Depth{Active: 12}, b.fake.Depth("work"))
	})
}

// TestNothingIsLostWhenConnectionsAreCut cuts all connections every 150 ms.
func TestNothingIsLostWhenConnectionsAreCut(t *testing.T) {
	inBubble(t, func(b *bench) {
		const messages = 300
		var mu sync.Mutex
		done := map[string]int{}
		defer b.run(queue.Options{Workers: 3}, func(_ context.Context, d queue.Delivery) queue.Outcome {
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			done[d.ID]++
			return queue.Done()
		})()
		cutting, enough := context.WithCancel(b.Context())
		defer enough()
		go func() {
			for cutting.Err() == nil {
				engine.Sleep(cutting, 150*time.Millisecond)
				b.fake.CutConnections()
			}
		}()
		for i := range messages {
			b.enqueue(fmt.Sprint(i))
		}
		took := b.within(10*time.Minute, empty)
		mu.Lock()
		defer mu.Unlock()
		assert.Len(b, done, messages)
		var again int
		for _, n := range done {
			again += n - 1
		}
		b.Logf("%d messages, %d handled again, drained %v after the last was sent", messages, again, took)
	})
}

func TestWhatTheWireDoesNotTake(t *testing.T) {
	inBubble(t, func(b *bench) {
		for _, m := range []queue.Message{
			{ID: "1", Attributes: map[string]string{propertyID: "2"}},
			{ID: "1", Attributes: map[string]string{"DeadLetterReason": "2"}},
			{ID: "1", Subject: "\xff"},
		} {
			require.Error(b, b.q.Enqueue(b.Context(), "work", m))
		}
		require.Zero(b, b.fake.Depth("work"))
		defer b.run(queue.Options{}, func(context.Context, queue.Delivery) queue.Outcome {
			return queue.Dead("\xffwhy", strings.Repeat("é", longestText))
		})()
		b.enqueue("1")
		b.within(time.Second, servicebusfake.Depth{Dead: 1})
		dead, err := b.q.DeadOne(b.Context(), "1")
		require.NoError(b, err)
		require.Equal(b, "why", dead.Reason)
		require.Len(b, dead.Text, longestText)
	})
}

// TestDeadLettersOfTheService are those that nobody's handler made.
func TestDeadLettersOfTheService(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fake.CreateQueue("work", servicebusfake.QueueSettings{MaxDeliveries: 2})
		defer b.run(queue.Options{MaxDeliveries: 100}, func(context.Context, queue.Delivery) queue.Outcome { return queue.Abandoned() })()
		b.enqueue("1")
		b.within(time.Second, servicebusfake.Depth{Dead: 1})
		dead, err := b.q.DeadOne(b.Context(), "1")
		require.NoError(b, err)
		require.Equal(b, []any{queue.ReasonMaxDeliveries, 2, dead.EnqueuedAt}, []any{dead.Reason, dead.Count, dead.DeadAt})
	})
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := New(Options{Namespace: "example.servicebus.windows.net"})
	require.ErrorContains(t, err, "neither a namespace with a credential nor a connection string")
}
