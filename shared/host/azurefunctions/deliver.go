package azurefunctions

import (
	"context"
	"errors"
	"fmt"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
	"github.com/usher365/usher/shared/queue/servicebus"
)

// errAbandoned gives a message back: its handler could not tell what became of it.
var errAbandoned = errors.New("the delivery was abandoned; its own line says why")

// deliver hands one message to its handler, and carries the outcome out. An error gives
// the message back, after a while: it comes again at once then, and ten deliveries within
// a second would wear it out. The host renews the lock meanwhile.
func (h handler) deliver(ctx context.Context, function string, handle queue.Handler, posted []byte) error {
	m, err := message(function, posted)
	if err != nil {
		return err
	}
	d := m.Delivery()
	if err := h.conclude(ctx, m, d, handle); err != nil {
		engine.Sleep(ctx, engine.Pause(max(d.Count, 1)))
		return err
	}
	return nil
}

// conclude gets the outcome and carries it out, also when the host does not wait for it
// any more: the message comes again then, and what is sent again is dropped.
func (h handler) conclude(ctx context.Context, m servicebus.Foreign, d queue.Delivery, handle queue.Handler) error {
	out := queue.WornOut(h.MaxDeliveries)
	if d.Count <= h.MaxDeliveries {
		var err error
		if out, err = handle.Call(ctx, d); err != nil {
			return err
		}
	}
	sending := context.WithoutCancel(ctx)
	switch out.Verb {
	case queue.Complete:
		return nil
	case queue.Retry:
		if err := h.Sender.Enqueue(sending, m.Queue, out.Next); err != nil {
			return fmt.Errorf("send the next attempt: %w", err)
		}
		return nil
	case queue.DeadLetter:
		if err := h.Sender.Park(sending, m, out.Reason, out.Text); err != nil {
			return fmt.Errorf("put the message aside: %w", err)
		}
		return nil
	}
	return errAbandoned
}
