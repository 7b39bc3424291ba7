package servicebus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
)

// held is a delivery with what proves that it is ours.
type held struct {
	queue.Delivery
	message  *azservicebus.ReceivedMessage
	receiver *azservicebus.Receiver
	lock     time.Duration
	// until is the end of the lock in Unix nanoseconds of our clock.
	until *atomic.Int64
	letGo func()
}

// bare is the message reduced to its lock token, which is settled on $management.
func (h held) bare() *azservicebus.ReceivedMessage {
	return &azservicebus.ReceivedMessage{LockToken: h.message.LockToken}
}

// take makes a delivery of a message that was received just now.
func (c *consumer) take(m *azservicebus.ReceivedMessage) held {
	now := c.q.now()
	h := held{message: m, receiver: c.current(), lock: c.Options.Lock, until: new(atomic.Int64)}
	h.Message = incoming(m)
	h.Queue = c.Queue
	h.Count = int(int64(m.DeliveryCount) - uncounted(m))
	h.EnqueuedAt = valueOf(m.EnqueuedTime).UTC()
	if m.LockedUntil != nil {
		// The clocks may differ: never believe in more than what the caller said.
		if rest := m.LockedUntil.Sub(now); rest > 0 {
			h.lock = min(h.lock, rest)
		}
	}
	h.until.Store(now.Add(h.lock).UnixNano())
	h.letGo = c.q.hold(place{c.Queue, valueOf(m.SequenceNumber)})
	return h
}

// deliver hands one message over, keeps its lock until it is settled, and settles it.
func (c *consumer) deliver(parent context.Context, h held) {
	free := sync.OnceFunc(func() { c.Free(1) })
	defer free()
	defer h.letGo()
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	done := make(chan struct{})
	defer close(done)
	c.Go(func() { c.keepLock(done, h, cancel) })

	err := c.conclude(ctx, parent, h, free)
	if err != nil {
		c.report(h.Delivery, err)
	}
}

// conclude gets the handler's outcome and carries it out. What came while the consumer
// stops is given back without asking.
func (c *consumer) conclude(ctx, parent context.Context, h held, free func()) error {
	settling := context.WithoutCancel(ctx)
	switch {
	case c.Taking.Err() != nil:
		return c.release(settling, h)
	case h.Count > c.Options.MaxDeliveries:
		return c.bury(settling, h, queue.WornOut(c.Options.MaxDeliveries))
	}
	out, err := c.Handle.Call(ctx, h.Delivery)
	if err == nil {
		if parent.Err() != nil && out.Verb == queue.Abandon {
			return c.release(settling, h)
		}
		err = c.settle(settling, h, out)
		if !errors.Is(err, errOutcome) {
			return err
		}
	}
	// Abandon with a pause that grows, so that a poison message does not spin. We keep the
	// lock meanwhile, not the worker.
	free()
	pausing, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.Taking, cancel)()
	engine.Sleep(pausing, engine.Pause(h.Count))
	return errors.Join(err, c.abandon(settling, h))
}

// keepLock renews the lock until done. When it is lost it ends the handler's context.
func (c *consumer) keepLock(done <-chan struct{}, h held, lost context.CancelCauseFunc) {
	tick := time.NewTicker(h.lock / 3)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		err := c.renew(h)
		if errors.Is(err, queue.ErrLockLost) || err != nil && !c.q.now().Before(time.Unix(0, h.until.Load())) {
			lost(errors.Join(queue.ErrLockLost, err))
			return
		}
	}
}

// renew moves the end of the lock, and proves that it is ours. It mends the link first
// when it is broken.
func (c *consumer) renew(h held) error {
	began := c.q.now()
	ctx, cancel := context.WithTimeout(context.Background(), max(h.lock/3, time.Second))
	defer cancel()
	if err := c.current().RenewMessageLock(ctx, h.bare(), nil); err != nil {
		return fmt.Errorf("renew the lock of %s: %w", h.ID, classify(err))
	}
	h.until.Store(began.Add(h.lock).UnixNano())
	return nil
}
