package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
)

// longestSleep bounds how late a planned message comes after the clock was set or the
// machine slept, which timers do not notice.
const longestSleep = 5 * time.Minute

// consumer is one Run.
type consumer struct {
	*engine.Shift
	q      *Queue
	wakeUp chan struct{}
}

// Run hands the messages of a queue to handle until ctx ends, and then waits for the
// handlers: their context has ended with it, an outcome they still give is carried
// out, and what they abandon is given back uncounted. It also ends as o.Idle and o.For
// say. It returns nil after that, queue.ErrClosed when the queue was closed before, and
// an error when the database is gone for good; any other trouble is reported and tried again.
func (q *Queue) Run(ctx context.Context, name string, o queue.Options, handle queue.Handler) error {
	shift, ctx := engine.Begin(ctx, name, o, handle)
	defer shift.Stop()
	c := &consumer{Shift: shift, q: q, wakeUp: make(chan struct{}, 1)}
	if !q.consumers.Join(c) {
		return queue.ErrClosed
	}
	defer q.consumers.Leave(c)
	defer c.Wait()
	return c.loop(ctx)
}

func (c *consumer) loop(ctx context.Context) error {
	for failures := 0; ; {
		err := c.round(ctx)
		switch {
		case c.Taking.Err() != nil, errors.Is(err, engine.ErrDrained):
			return nil
		case err == nil:
			failures = 0
			continue
		case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, database.ErrClosed):
			return err
		}
		failures++
		c.report(queue.Delivery{}, err)
		c.sleep(c.Taking, engine.Pause(failures))
	}
}

// round waits for a free worker and for work, takes as much as there are workers free
// (no message waits with its lock running) and starts them.
func (c *consumer) round(ctx context.Context) error {
	if !c.Worker() {
		return nil
	}
	free := 1
	defer func() { c.Free(free) }()
	if err := c.awaitDue(c.Taking); err != nil || c.Taking.Err() != nil {
		return err
	}
	free += c.Workers()
	taken, err := c.q.take(c.Taking, c.Queue, free, c.Options)
	if err != nil {
		return err
	}
	for _, h := range taken {
		free--
		c.Deliver(func() {
			defer c.Free(1)
			c.deliver(ctx, h)
		})
	}
	return nil
}

// awaitDue returns when a message can be taken, or ctx has ended. It fails with
// engine.ErrDrained when neither that happened nor anything was in hand for long enough.
func (c *consumer) awaitDue(ctx context.Context) error {
	for quiet := time.Now(); ctx.Err() == nil; {
		at, some, err := c.q.nextDue(ctx, c.Queue)
		if err != nil {
			return err
		}
		rest := longestSleep
		if some {
			rest = min(rest, at.Sub(c.q.now()))
		}
		if rest <= 0 {
			return nil
		}
		if c.Options.Idle > 0 {
			if c.InHand() {
				quiet = time.Now()
			}
			left := c.Options.Idle - time.Since(quiet)
			if left <= 0 {
				return engine.ErrDrained
			}
			rest = min(rest, left)
		}
		c.sleep(ctx, rest)
	}
	return nil
}

// sleep ends with a wake-up, with ctx, or after d.
func (c *consumer) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.wakeUp:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (c *consumer) report(d queue.Delivery, err error) {
	c.q.observe(queue.Incident{Queue: c.Queue, ID: d.ID, Count: d.Count, Err: err})
}
