package sqlite

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

const (
	defaultLock          = time.Minute
	defaultMaxDeliveries = 10
	// longestSleep bounds how late a planned message comes after the clock was set or
	// the machine slept, which timers do not notice.
	longestSleep = 5 * time.Minute
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
)

// consumer is one Run.
type consumer struct {
	*Queue
	name    string
	options queue.Options
	handle  queue.Handler
	wakeUp  chan struct{}
	stop    context.CancelFunc
	// taking ends when no message is to be begun any more; the handlers' context goes on.
	taking context.Context
	// inHand counts deliveries from their receipt to their settlement.
	inHand atomic.Int64
	// slots holds one element for each worker at work.
	slots   chan struct{}
	workers sync.WaitGroup
}

// errIdle ends a Run that has had nothing to do for queue.Options.Idle.
var errIdle = errors.New("queue: drained")

// Run hands the messages of a queue to handle until ctx ends, and then waits for the
// handlers: their context has ended with it, an outcome they still give is carried
// out, and what they abandon is given back uncounted. It also ends as o.Idle and o.For
// say. It returns nil after that, queue.ErrClosed when the queue was closed before, and
// an error when the database is gone for good; any other trouble is reported and tried again.
func (q *Queue) Run(ctx context.Context, name string, o queue.Options, handle queue.Handler) error {
	o.Workers = cmp.Or(o.Workers, 1)
	o.Lock = cmp.Or(o.Lock, defaultLock)
	o.MaxDeliveries = cmp.Or(o.MaxDeliveries, defaultMaxDeliveries)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	taking := ctx
	if o.For > 0 {
		var enough context.CancelFunc
		taking, enough = context.WithTimeout(ctx, o.For)
		defer enough()
	}
	c := &consumer{
		Queue: q, name: name, options: o, handle: handle, stop: stop, taking: taking,
		wakeUp: make(chan struct{}, 1), slots: make(chan struct{}, o.Workers),
	}
	if !q.join(c) {
		return queue.ErrClosed
	}
	defer q.leave(c)
	defer c.workers.Wait()
	return c.loop(ctx)
}

func (q *Queue) join(c *consumer) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.consumers[c] = struct{}{}
	q.running.Add(1)
	return true
}

func (q *Queue) leave(c *consumer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.consumers, c)
	q.running.Done()
}

func (c *consumer) loop(ctx context.Context) error {
	for failures := 0; ; {
		err := c.round(ctx)
		switch {
		case c.taking.Err() != nil, errors.Is(err, errIdle):
			return nil
		case err == nil:
			failures = 0
			continue
		case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, database.ErrClosed):
			return err
		}
		failures++
		c.report(c.name, queue.Delivery{}, err)
		c.sleep(c.taking, growing(failures))
	}
}

// round waits for a free worker and for work, takes as much as there are workers free
// (no message waits with its lock running) and starts them.
func (c *consumer) round(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
	case <-c.taking.Done():
		return nil
	}
	slots := 1
	defer func() {
		for range slots {
			<-c.slots
		}
	}()
	if err := c.awaitDue(c.taking); err != nil || c.taking.Err() != nil {
		return err
	}
	for slots < c.options.Workers && c.tryslot() {
		slots++
	}
	taken, err := c.take(c.taking, c.name, slots, c.options)
	if err != nil {
		return err
	}
	for _, h := range taken {
		slots--
		c.inHand.Add(1)
		c.workers.Go(func() {
			defer func() { c.inHand.Add(-1); <-c.slots }()
			c.deliver(ctx, h)
		})
	}
	return nil
}

func (c *consumer) tryslot() bool {
	select {
	case c.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// awaitDue returns when a message can be taken, or ctx has ended. It fails with errIdle
// when neither that happened nor anything was in hand for long enough.
func (c *consumer) awaitDue(ctx context.Context) error {
	for quiet := time.Now(); ctx.Err() == nil; {
		at, some, err := c.nextDue(ctx, c.name)
		if err != nil {
			return err
		}
		rest := longestSleep
		if some {
			rest = min(rest, at.Sub(c.now()))
		}
		if rest <= 0 {
			return nil
		}
		if c.options.Idle > 0 {
			if c.inHand.Load() > 0 {
				quiet = time.Now()
			}
			left := c.options.Idle - time.Since(quiet)
			if left <= 0 {
				return errIdle
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

// growing is the pause after the n-th trouble in a row: 100 ms doubled each time, up to 30 s.
func growing(n int) time.Duration {
	return min(firstPause<<min(n-1, 20), longestPause)
}
