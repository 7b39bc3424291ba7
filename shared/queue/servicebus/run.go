package servicebus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
)

const (
	defaultLock          = time.Minute
	defaultMaxDeliveries = 10
	firstPause           = 100 * time.Millisecond
	longestPause         = 30 * time.Second
)

// consumer is one Run.
type consumer struct {
	*Queue
	name    string
	options queue.Options
	handle  queue.Handler
	stop    context.CancelFunc
	// taking ends when no message is to be begun any more; the handlers' context goes on.
	taking context.Context
	// inHand counts deliveries from their receipt to their settlement.
	inHand atomic.Int64
	// slots holds one element for each worker at work.
	slots   chan struct{}
	workers sync.WaitGroup

	mu       sync.Mutex
	receiver *azservicebus.Receiver
	// open tells that the receiver's link was seen open.
	open bool
}

// errIdle ends a Run that has had nothing to do for queue.Options.Idle.
var errIdle = errors.New("queue: drained")

// Run hands the messages of a queue to handle until ctx ends, and then waits for the
// handlers: their context has ended with it, an outcome they still give is carried
// out, and what they abandon is given back uncounted. It also ends as o.Idle and o.For
// say, and closes its link before it returns. It returns nil after that, queue.ErrClosed
// when the queue was closed before, and ErrNoQueue when there is no such queue; any
// other trouble is reported and tried again. Of the options, Lock matters only where it
// is shorter than the lock duration of the queue.
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
	c := &consumer{Queue: q, name: name, options: o, handle: handle, stop: stop, taking: taking, slots: make(chan struct{}, o.Workers)}
	if !q.join(c) {
		return queue.ErrClosed
	}
	defer q.leave(c)
	if err := c.renewReceiver(); err != nil {
		return fmt.Errorf("queue: receive from %s: %w", name, err)
	}
	defer c.closeReceiver()
	defer c.workers.Wait()
	return c.loop(ctx)
}

func (c *consumer) loop(ctx context.Context) error {
	for failures := 0; c.taking.Err() == nil; {
		err := c.round(ctx)
		switch {
		case errors.Is(err, errIdle):
			return nil
		case err == nil || c.taking.Err() != nil:
			failures = 0
			continue
		case errors.Is(err, ErrNoQueue):
			return err
		}
		failures++
		if err := c.mend(failures, err); err != nil {
			return err
		}
	}
	return nil
}

// mend pauses after trouble. The client mends a dropped link by itself, once; when that
// does not help, a new receiver is opened.
func (c *consumer) mend(failures int, err error) error {
	if failures == 1 && errors.Is(err, errDropped) {
		return nil
	}
	c.report(queue.Delivery{}, err)
	sleep(c.taking, max(growing(failures), fault.RetryAfter(err)))
	if c.taking.Err() != nil || failures < 2 {
		return nil
	}
	return c.renewReceiver()
}

// round waits for a free worker, receives as much as there are workers free (no message
// waits with its lock running) and starts them.
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
	for slots < c.options.Workers && c.tryslot() {
		slots++
	}
	if err := c.see(); err != nil {
		return err
	}
	received, err := c.receive(slots)
	for _, m := range received {
		h := c.take(m)
		slots--
		c.inHand.Add(1)
		c.workers.Go(func() { c.deliver(ctx, h) })
	}
	return err
}

func (c *consumer) tryslot() bool {
	select {
	case c.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// see opens the link before the wait of a drain begins, which would else be over before
// the link is there. (A peek opens it, and locks nothing.)
func (c *consumer) see() error {
	if c.open || c.options.Idle == 0 {
		return nil
	}
	ctx, cancel := c.deadline(c.taking)
	defer cancel()
	if _, err := c.current().PeekMessages(ctx, 1, nil); err != nil {
		return fmt.Errorf("queue: look into %s: %w", c.name, classify(err))
	}
	c.open = true
	return nil
}

// receive waits for up to n messages. None came without an error when the time was up,
// or nothing is to be taken any more; the client gives none and no error when the link
// was dropped. It fails with errIdle when nothing was in hand either for long enough.
func (c *consumer) receive(n int) ([]*azservicebus.ReceivedMessage, error) {
	idle := c.options.Idle > 0 && c.inHand.Load() == 0
	waiting, cancel := context.WithTimeout(c.taking, cmp.Or(c.options.Idle, receiveFor))
	defer cancel()
	got, err := c.current().ReceiveMessages(waiting, n, &azservicebus.ReceiveMessagesOptions{TimeAfterFirstMessage: time.Millisecond})
	switch {
	case len(got) == 0 && waiting.Err() != nil && idle:
		return nil, errIdle
	case len(got) > 0 || waiting.Err() != nil:
		return got, nil
	case err != nil:
		return nil, fmt.Errorf("queue: receive from %s: %w", c.name, classify(err))
	}
	return nil, errDropped
}

func (c *consumer) current() *azservicebus.Receiver {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.receiver
}

// renewReceiver opens a receiver in the place of the one there is. Deliveries of the old
// one are settled on the new one's $management.
func (c *consumer) renewReceiver() error {
	r, err := c.client.NewReceiverForQueue(c.name, nil)
	if err != nil {
		return err
	}
	c.closeReceiver()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.receiver, c.open = r, false
	return nil
}

// closeReceiver gives back what the link was granted. That it fails means that the
// connection is gone, and the link with it.
func (c *consumer) closeReceiver() {
	r := c.current()
	if r == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = r.Close(ctx)
}

func (c *consumer) report(d queue.Delivery, err error) {
	c.observe(Incident{Queue: c.name, ID: d.ID, Count: d.Count, Err: err})
}

// sleep ends with ctx, or after d.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// growing is the pause after the n-th trouble in a row: 100 ms doubled each time, up to 30 s.
func growing(n int) time.Duration {
	return min(firstPause<<min(n-1, 20), longestPause)
}
