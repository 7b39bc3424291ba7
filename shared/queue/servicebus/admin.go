package servicebus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
)

// page is how many messages one peek asks for; the service may give fewer.
const page = 250

// peek shows every message of a queue, or of its dead letter queue, in order, until show
// returns false.
func (q *Queue) peek(ctx context.Context, name string, sub azservicebus.SubQueue, show func(*azservicebus.ReceivedMessage) bool) error {
	ctx, cancel := q.deadline(ctx)
	defer cancel()
	return q.withReceiver(name, sub, func(r *azservicebus.Receiver) error {
		for from := int64(0); ; {
			found, err := r.PeekMessages(ctx, page, &azservicebus.PeekMessagesOptions{FromSequenceNumber: &from})
			if err != nil {
				return classify(err)
			}
			for _, m := range found {
				if !show(m) {
					return nil
				}
				from = valueOf(m.SequenceNumber) + 1
			}
			if len(found) == 0 {
				return nil
			}
		}
	})
}

// withReceiver opens a receiver for a while.
func (q *Queue) withReceiver(name string, sub azservicebus.SubQueue, use func(*azservicebus.Receiver) error) error {
	if q.consumers.Closed() {
		return queue.ErrClosed
	}
	r, err := q.client.NewReceiverForQueue(name, &azservicebus.ReceiverOptions{SubQueue: sub})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_ = r.Close(ctx) // the work is done, or has failed already
	}()
	return use(r)
}

// Dead lists the dead letters of a queue, or of all Options.Queues when name is empty, the
// newest first. Of what the service put aside by itself it does not tell when; that it
// was enqueued is known.
func (q *Queue) Dead(ctx context.Context, name string) ([]queue.DeadMessage, error) {
	var all []queue.DeadMessage
	if err := q.dig(ctx, name, func(d buried) { all = append(all, d.DeadMessage) }); err != nil {
		return nil, fmt.Errorf("queue: list dead letters: %w", err)
	}
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b queue.DeadMessage) int { return b.DeadAt.Compare(a.DeadAt) })
	return all, nil
}

// deadMessage reads a dead letter of the service's making, or a parked message.
func deadMessage(name string, m *azservicebus.ReceivedMessage) queue.DeadMessage {
	own := m.ApplicationProperties
	d := queue.DeadMessage{
		Message: incoming(m), Queue: name, Reason: valueOf(m.DeadLetterReason), Text: valueOf(m.DeadLetterErrorDescription),
		// The client adds one for the delivery that a receive would be; a peek is none.
		Count: int(int64(m.DeliveryCount) - 1 - uncounted(m)), EnqueuedAt: valueOf(m.EnqueuedTime).UTC(),
	}
	if from, parked := own[propertyQueue].(string); parked {
		d.Queue = from
		d.Reason, _ = own[propertyReason].(string)
		d.Text, _ = own[propertyText].(string)
	}
	if at, ours := own[propertyEnqueuedAt].(time.Time); ours {
		d.EnqueuedAt = at.UTC()
	}
	d.DeadAt = d.EnqueuedAt
	if count, ours := own[propertyCount].(int64); ours {
		d.Count = int(count)
	}
	if at, ours := own[propertyDeadAt].(time.Time); ours {
		d.DeadAt = at.UTC()
	}
	return d
}

// DeadOne gives the dead letter with this message id, of any of Options.Queues. It fails
// with queue.ErrNotFound.
func (q *Queue) DeadOne(ctx context.Context, id string) (queue.DeadMessage, error) {
	d, err := q.buriedOne(ctx, id)
	return d.DeadMessage, err
}

func (q *Queue) buriedOne(ctx context.Context, id string) (found buried, err error) {
	err = q.dig(ctx, "", func(d buried) {
		if d.ID == id && (found.ID == "" || d.DeadAt.After(found.DeadAt)) {
			found = d
		}
	})
	switch {
	case err != nil:
		return buried{}, fmt.Errorf("queue: look for dead letter %q: %w", id, err)
	case found.ID == "":
		return buried{}, fmt.Errorf("dead letter %q: %w", id, queue.ErrNotFound)
	}
	return found, nil
}

// Replay brings the dead letter with this message id back, due at once and with no
// deliveries counted. So that duplicate detection lets it pass it travels under another
// id on the wire. It fails with queue.ErrNotFound.
func (q *Queue) Replay(ctx context.Context, id string) error {
	return q.exhume(ctx, "replay", id, func(ctx context.Context, from buried, m *azservicebus.ReceivedMessage) error {
		out := outgoing(incoming(m))
		again := wireID(fmt.Sprintf("%s/replay/%s%d", id, from.prefix(), valueOf(m.SequenceNumber)))
		out.MessageID = &again
		out.ApplicationProperties[propertyID] = id
		return q.send(ctx, from.Queue, []*azservicebus.Message{out})
	})
}

// Discard removes the dead letter with this message id for good. It fails with queue.ErrNotFound.
func (q *Queue) Discard(ctx context.Context, id string) error {
	return q.exhume(ctx, "discard", id, func(context.Context, buried, *azservicebus.ReceivedMessage) error { return nil })
}

// exhume takes the dead letter with this id out, after doing something with it. The link
// that found it is closed before: what it was still granted would bring a message that
// fails again at once, and leave it locked.
func (q *Queue) exhume(ctx context.Context, doing, id string, do func(context.Context, buried, *azservicebus.ReceivedMessage) error) error {
	found, err := q.buriedOne(ctx, id)
	if err != nil {
		return err
	}
	ctx, cancel := q.deadline(ctx)
	defer cancel()
	var m *azservicebus.ReceivedMessage
	err = q.withReceiver(found.grave.name, found.sub, func(r *azservicebus.Receiver) (err error) {
		m, err = seek(ctx, r, id, found.depth)
		return err
	})
	if err == nil {
		err = do(ctx, found, m)
	}
	if err == nil {
		err = q.withReceiver(found.grave.name, found.sub, func(r *azservicebus.Receiver) error {
			return r.CompleteMessage(ctx, &azservicebus.ReceivedMessage{LockToken: m.LockToken}, nil)
		})
	}
	if err != nil {
		return fmt.Errorf("queue: %s dead letter %s: %w", doing, id, classify(err))
	}
	return nil
}

// seek receives until the message with this id came, and gives the others back: the
// service cannot be asked for a certain one. It asks for as many as lie before it, for
// what is given back would come again over what is left of the link's credit. Dead
// letters do not wear out by that.
func seek(ctx context.Context, r *azservicebus.Receiver, id string, depth int) (wanted *azservicebus.ReceivedMessage, err error) {
	var others []*azservicebus.ReceivedMessage
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		for _, m := range others {
			err = errors.Join(err, r.AbandonMessage(ctx, m, nil))
		}
	}()
	for wanted == nil {
		got, err := r.ReceiveMessages(ctx, min(max(depth-len(others), 1), page), nil)
		if err != nil {
			return nil, err
		}
		for _, m := range got {
			if idOf(m) == id && wanted == nil {
				wanted = m
				continue
			}
			others = append(others, m)
		}
		if len(got) == 0 {
			engine.Sleep(ctx, engine.Pause(1)) // the link was dropped
		}
	}
	return wanted, nil
}

// Cancel removes a message that is not due yet. Its id stays known to duplicate
// detection. It looks through the whole queue for it. It fails with queue.ErrNotFound
// when it is too late, or there is no such message.
func (q *Queue) Cancel(ctx context.Context, name, id string) error {
	if err := q.cancel(ctx, name, id); err != nil {
		return fmt.Errorf("queue: cancel %s on %s: %w", id, name, err)
	}
	return nil
}

func (q *Queue) cancel(ctx context.Context, name, id string) error {
	planned := int64(-1)
	err := q.peek(ctx, name, 0, func(m *azservicebus.ReceivedMessage) bool {
		if m.State == azservicebus.MessageStateScheduled && idOf(m) == id {
			planned = valueOf(m.SequenceNumber)
		}
		return planned < 0
	})
	if err != nil {
		return err
	}
	if planned < 0 {
		return queue.ErrNotFound
	}
	sender, err := q.sender(name)
	if err != nil {
		return err
	}
	ctx, cancel := q.deadline(ctx)
	defer cancel()
	return classify(sender.CancelScheduledMessages(ctx, []int64{planned}, nil))
}

// Depth counts the messages of a queue by looking at each of them. Locked are those in
// the hands of this process; the service does not tell about others, which count as active.
func (q *Queue) Depth(ctx context.Context, name string) (queue.Depth, error) {
	d, err := q.depth(ctx, name)
	if err != nil {
		return queue.Depth{}, fmt.Errorf("queue: depth of %s: %w", name, err)
	}
	return d, nil
}

func (q *Queue) depth(ctx context.Context, name string) (d queue.Depth, err error) {
	if err := q.dig(ctx, name, func(buried) { d.Dead++ }); err != nil {
		return d, err
	}
	err = q.peek(ctx, name, 0, func(m *azservicebus.ReceivedMessage) bool {
		switch {
		case m.State == azservicebus.MessageStateScheduled:
			d.Planned++
		case q.holds(place{name, valueOf(m.SequenceNumber)}):
			d.Locked++
		default:
			d.Active++
			if at := valueOf(m.EnqueuedTime).UTC(); d.Oldest.IsZero() || at.Before(d.Oldest) {
				d.Oldest = at
			}
		}
		return true
	})
	return d, err
}

func (q *Queue) holds(at place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.holding[at] > 0
}
