package servicebus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
)

// consumer is one Run.
type consumer struct {
	*engine.Shift
	q *Queue

	mu       sync.Mutex
	receiver *azservicebus.Receiver
	// open tells that the receiver's link was seen open.
	open bool
}

// Run hands the messages of a queue to handle until ctx ends, and then waits for the
// handlers: their context has ended with it, an outcome they still give is carried
// out, and what they abandon is given back uncounted. It also ends as o.Idle and o.For
// say, and closes its link before it returns. It returns nil after that, queue.ErrClosed
// when the queue was closed before, and ErrNoQueue when there is no such queue; any
// other trouble is reported and tried again. Of the options, Lock matters only where it
// is shorter than the lock duration of the queue.
func (q *Queue) Run(ctx context.Context, name string, o queue.Options, handle queue.Handler) error {
	shift, ctx := engine.Begin(ctx, name, o, handle)
	defer shift.Stop()
	c := &consumer{Shift: shift, q: q}
	if !q.consumers.Join(c) {
		return queue.ErrClosed
	}
	defer q.consumers.Leave(c)
	if err := c.renewReceiver(); err != nil {
		return fmt.Errorf("queue: receive from %s: %w", name, err)
	}
	defer c.closeReceiver()
	defer c.Wait()
	return c.loop(ctx)
}

func (c *consumer) loop(ctx context.Context) error {
	for failures := 0; c.Taking.Err() == nil; {
		err := c.round(ctx)
		switch {
		case errors.Is(err, engine.ErrDrained):
			return nil
		case err == nil || c.Taking.Err() != nil:
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
	engine.Sleep(c.Taking, max(engine.Pause(failures), fault.RetryAfter(err)))
	if c.Taking.Err() != nil || failures < 2 {
		return nil
	}
	return c.renewReceiver()
}

// round waits for a free worker, receives as much as there are workers free (no message
// waits with its lock running) and starts them.
func (c *consumer) round(ctx context.Context) error {
	if !c.Worker() {
		return nil
	}
	free := 1 + c.Workers()
	defer func() { c.Free(free) }()
	if err := c.see(); err != nil {
		return err
	}
	received, err := c.receive(free)
	for _, m := range received {
		h := c.take(m)
		free--
		c.Deliver(func() { c.deliver(ctx, h) })
	}
	return err
}

// see opens the link before the wait of a drain begins, which would else be over before
// the link is there. (A peek opens it, and locks nothing.)
func (c *consumer) see() error {
	if c.open || c.Options.Idle == 0 {
		return nil
	}
	ctx, cancel := c.q.deadline(c.Taking)
	defer cancel()
	if _, err := c.current().PeekMessages(ctx, 1, nil); err != nil {
		return fmt.Errorf("queue: look into %s: %w", c.Queue, classify(err))
	}
	c.open = true
	return nil
}

// receive waits for up to n messages. None came without an error when the time was up,
// or nothing is to be taken any more; the client gives none and no error when the link
// was dropped. It fails with engine.ErrDrained when nothing was in hand either for long enough.
func (c *consumer) receive(n int) ([]*azservicebus.ReceivedMessage, error) {
	idle := c.Options.Idle > 0 && !c.InHand()
	waiting, cancel := context.WithTimeout(c.Taking, cmp.Or(c.Options.Idle, receiveFor))
	defer cancel()
	got, err := c.current().ReceiveMessages(waiting, n, &azservicebus.ReceiveMessagesOptions{TimeAfterFirstMessage: time.Millisecond})
	switch {
	case len(got) == 0 && waiting.Err() != nil && idle:
		return nil, engine.ErrDrained
	case len(got) > 0 || waiting.Err() != nil:
		return got, nil
	case err != nil:
		return nil, fmt.Errorf("queue: receive from %s: %w", c.Queue, classify(err))
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
	r, err := c.q.client.NewReceiverForQueue(c.Queue, nil)
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
	c.q.observe(queue.Incident{Queue: c.Queue, ID: d.ID, Count: d.Count, Err: err})
}
