package servicebus

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/usher365/usher/shared/queue"
)

// Enqueue sends messages; they are durable when it returns. Up to 256 KB they travel
// together, all or none; more than that goes in several parts, and what arrived of a call
// that failed is dropped as a duplicate when the call is made again. It fails with
// queue.ErrNoID, queue.ErrTooLarge, queue.ErrClosed or ErrNoQueue.
func (q *Queue) Enqueue(ctx context.Context, name string, msgs ...queue.Message) error {
	out := make([]*azservicebus.Message, len(msgs))
	for i, m := range msgs {
		if err := check(m); err != nil {
			return fmt.Errorf("queue: enqueue on %s: message %q: %w", name, m.ID, err)
		}
		out[i] = outgoing(m)
	}
	ctx, cancel := q.deadline(ctx)
	defer cancel()
	if err := q.send(ctx, name, out); err != nil {
		return fmt.Errorf("queue: enqueue on %s: %w", name, classify(err))
	}
	return nil
}

func (q *Queue) send(ctx context.Context, name string, msgs []*azservicebus.Message) error {
	if len(msgs) == 0 {
		return nil
	}
	sender, err := q.sender(name)
	if err != nil {
		return err
	}
	if len(msgs) == 1 {
		return sender.SendMessage(ctx, msgs[0], nil)
	}
	for len(msgs) > 0 {
		batch, err := sender.NewMessageBatch(ctx, nil)
		if err != nil {
			return err
		}
		n, err := fill(batch, msgs)
		if err != nil {
			return err
		}
		if err := sender.SendMessageBatch(ctx, batch, nil); err != nil {
			return err
		}
		msgs = msgs[n:]
	}
	return nil
}

// fill adds as many messages as fit, one at least.
func fill(batch *azservicebus.MessageBatch, msgs []*azservicebus.Message) (n int, err error) {
	for n, m := range msgs {
		err := batch.AddMessage(m, nil)
		if errors.Is(err, azservicebus.ErrMessageTooLarge) && n > 0 {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return len(msgs), nil
}

// sender gives the one sender of a queue.
func (q *Queue) sender(name string) (*azservicebus.Sender, error) {
	if q.consumers.Closed() {
		return nil, queue.ErrClosed
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if s := q.senders[name]; s != nil {
		return s, nil
	}
	s, err := q.client.NewSender(name, nil)
	if err != nil {
		return nil, err
	}
	q.senders[name] = s
	return s, nil
}
