package sqlite

import (
	"cmp"
	"context"
	"errors"
	"sync"
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
	// slots holds one element for each worker at work.
	slots   chan struct{}
	workers sync.WaitGroup
}

// Run hands the messages of a queue to handle until ctx ends, and then waits for the
// handlers: their context has ended with it, an outcome they still give is carried
// out, and what they abandon is given back uncounted. It returns nil after that,
// queue.ErrClosed when the queue was closed before, and an error when the database is
// gone for good; any other trouble is reported and tried again.
func (q *Queue) Run(ctx context.Context, name string, o queue.Options, handle queue.Handler) error {
	o.Workers = cmp.Or(o.Workers, 1)
	o.Lock = cmp.Or(o.Lock, defaultLock)
	o.MaxDeliveries = cmp.Or(o.MaxDeliveries, defaultMaxDeliveries)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c := &consumer{
		Queue: q, name: name, options: o, handle: handle, stop: stop,
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
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
			continue
		case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, database.ErrClosed):
			return err
		}
		failures++
		c.report(c.name, queue.Delivery{}, err)
		c.sleep(ctx, growing(failures))
	}
}

// round waits for a free worker and for work, takes as much as there are workers free
// (no message waits with its lock running) and starts them.
func (c *consumer) round(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	slots := 1
	defer func() {
		for range slots {
			<-c.slots
		}
	}()
	if err := c.awaitDue(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	for slots < c.options.Workers && c.tryslot() {
		slots++
	}
	taken, err := c.take(ctx, c.name, slots, c.options)
	if err != nil {
		return err
	}
	for _, h := range taken {
		slots--
		c.workers.Go(func() {
			defer func() { <-c.slots }()
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

// awaitDue returns when a message can be taken, or ctx has ended.
func (c *consumer) awaitDue(ctx context.Context) error {
	for ctx.Err() == nil {
		at, some, err := c.nextDue(ctx, c.name)
		if err != nil {
			return err
		}
		if !some {
			c.sleep(ctx, 0)
			continue
		}
		rest := at.Sub(c.now())
		if rest <= 0 {
			return nil
		}
		c.sleep(ctx, min(rest, longestSleep))
	}
	return nil
}

// sleep ends with a wake-up, with ctx, or after d; zero is without end.
func (c *consumer) sleep(ctx context.Context, d time.Duration) {
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-c.wakeUp:
	case <-over:
	case <-ctx.Done():
	}
}

// growing is the pause after the n-th trouble in a row: 100 ms doubled each time, up to 30 s.
func growing(n int) time.Duration {
	return min(firstPause<<min(n-1, 20), longestPause)
}
