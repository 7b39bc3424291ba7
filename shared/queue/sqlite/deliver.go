package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
)

// deliver hands one message over, keeps its lock meanwhile, and settles it.
func (c *consumer) deliver(parent context.Context, h held) {
	if c.Taking.Err() != nil {
		if err := c.q.release(context.WithoutCancel(parent), h); err != nil {
			c.report(h.Delivery, err)
		}
		return
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	renewed := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(renewed)
		c.keepLock(done, h, cancel)
	}()
	out, err := c.Handle.Call(ctx, h.Delivery)
	close(done)
	<-renewed
	if err := c.conclude(context.WithoutCancel(ctx), parent.Err() != nil, h, out, err); err != nil {
		c.report(h.Delivery, err)
	}
}

func (c *consumer) conclude(ctx context.Context, stopping bool, h held, out queue.Outcome, panicked error) error {
	if panicked != nil {
		return errors.Join(panicked, c.putOff(ctx, h))
	}
	if stopping && out.Verb == queue.Abandon {
		return c.q.release(ctx, h)
	}
	err := c.q.settle(ctx, h, out, c.Options)
	if errors.Is(err, queue.ErrNoID) || errors.Is(err, queue.ErrTooLarge) {
		// The outcome itself cannot be carried out, whenever it is tried.
		return errors.Join(err, c.putOff(ctx, h))
	}
	return err
}

// putOff abandons with a pause that grows, so that a poison message does not spin.
func (c *consumer) putOff(ctx context.Context, h held) error {
	return c.q.put(ctx, "put off "+h.ID, h, func(ctx context.Context, tx *sql.Tx) error {
		return c.q.abandon(ctx, tx, h, engine.Pause(h.Count), c.Options.MaxDeliveries)
	})
}

// keepLock renews the lock until done. When it is lost it ends the handler's context.
func (c *consumer) keepLock(done <-chan struct{}, h held, lost context.CancelCauseFunc) {
	tick := time.NewTicker(c.Options.Lock / 3)
	defer tick.Stop()
	until := c.q.now().Add(c.Options.Lock)
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		began := c.q.now()
		err := c.q.renew(context.Background(), h, c.Options.Lock)
		if err == nil {
			until = began.Add(c.Options.Lock)
			continue
		}
		if errors.Is(err, queue.ErrLockLost) || !c.q.now().Before(until) {
			lost(errors.Join(queue.ErrLockLost, err))
			return
		}
	}
}
