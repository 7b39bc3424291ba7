package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/usher365/usher/shared/queue"
)

// deliver hands one message over, keeps its lock meanwhile, and settles it.
func (c *consumer) deliver(parent context.Context, h held) {
	if c.taking.Err() != nil {
		if err := c.release(context.WithoutCancel(parent), h); err != nil {
			c.report(c.name, h.Delivery, err)
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
	out, err := c.call(ctx, h.Delivery)
	close(done)
	<-renewed
	if err := c.conclude(context.WithoutCancel(ctx), parent.Err() != nil, h, out, err); err != nil {
		c.report(c.name, h.Delivery, err)
	}
}

// call runs the handler; a panic is an error.
func (c *consumer) call(ctx context.Context, d queue.Delivery) (out queue.Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanicked, p, debug.Stack())
		}
	}()
	return c.handle(ctx, d), nil
}

func (c *consumer) conclude(ctx context.Context, stopping bool, h held, out queue.Outcome, panicked error) error {
	if panicked != nil {
		return errors.Join(panicked, c.putOff(ctx, h))
	}
	if stopping && out.Verb == queue.Abandon {
		return c.release(ctx, h)
	}
	err := c.settle(ctx, h, out, c.options)
	if errors.Is(err, queue.ErrNoID) || errors.Is(err, queue.ErrTooLarge) {
		// The outcome itself cannot be carried out, whenever it is tried.
		return errors.Join(err, c.putOff(ctx, h))
	}
	return err
}

// putOff abandons with a pause that grows, so that a poison message does not spin.
func (c *consumer) putOff(ctx context.Context, h held) error {
	return c.put(ctx, "put off "+h.ID, h, func(ctx context.Context, tx *sql.Tx) error {
		return c.abandon(ctx, tx, h, growing(h.Count), c.options.MaxDeliveries)
	})
}

// keepLock renews the lock until done. When it is lost it ends the handler's context.
func (c *consumer) keepLock(done <-chan struct{}, h held, lost context.CancelCauseFunc) {
	tick := time.NewTicker(c.options.Lock / 3)
	defer tick.Stop()
	until := c.now().Add(c.options.Lock)
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		began := c.now()
		err := c.renew(context.Background(), h, c.options.Lock)
		if err == nil {
			until = began.Add(c.options.Lock)
			continue
		}
		if errors.Is(err, ErrLockLost) || !c.now().Before(until) {
			lost(errors.Join(ErrLockLost, err))
			return
		}
	}
}
