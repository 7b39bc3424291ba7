package servicebus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/usher365/usher/shared/queue"
)

// Parked is the queue for messages that were put aside by a consumer which cannot make
// dead letters: the host of Azure Functions completes or gives back, and nothing else
// (https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger).
// Dead, DeadOne, Replay, Discard and Depth know of it. A namespace without it is well.
const Parked = "parked"

// Properties of a parked message that a dead letter has from the service.
const (
	propertyQueue      = ownProperty + "queue"
	propertyReason     = ownProperty + "reason"
	propertyText       = ownProperty + "text"
	propertyEnqueuedAt = ownProperty + "enqueued-at"
)

// Foreign is a message of one of our queues that somebody else received, and settles.
type Foreign struct {
	Queue string
	// MessageID is the id on the wire, which is not always ours: see Delivery.
	MessageID              string
	Subject, CorrelationID string
	Body                   []byte
	// Properties are the application properties. Numbers may be of any kind.
	Properties map[string]any
	// Count is how often the service handed the message over, from 1.
	Count      int
	EnqueuedAt time.Time
}

// received is the message as if we had received it.
func (f Foreign) received() *azservicebus.ReceivedMessage {
	properties := map[string]any{}
	for key, value := range f.Properties {
		if number, ok := value.(float64); ok {
			value = int64(number) // as JSON has it; our own are whole
		}
		properties[key] = value
	}
	return &azservicebus.ReceivedMessage{
		MessageID: f.MessageID, Subject: textOf(f.Subject), CorrelationID: textOf(f.CorrelationID), Body: f.Body,
		ApplicationProperties: properties, DeliveryCount: uint32(max(f.Count, 0)), EnqueuedTime: &f.EnqueuedAt,
	}
}

func textOf(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Delivery is the message as Run would hand it over.
func (f Foreign) Delivery() queue.Delivery {
	m := f.received()
	return queue.Delivery{
		Message: incoming(m), Queue: f.Queue, Count: int(int64(m.DeliveryCount) - uncounted(m)), EnqueuedAt: f.EnqueuedAt.UTC(),
	}
}

// Park puts a message into the queue Parked, with why and how often it was tried. The
// caller completes the original after that. Parked again, after the caller died in
// between, it is dropped as a duplicate; a message that was replayed has another id on
// the wire, and can be parked once more.
func (q *Queue) Park(ctx context.Context, f Foreign, reason, text string) error {
	d := f.Delivery()
	m := outgoing(d.Message)
	id := wireID(Parked + "/" + f.Queue + "/" + f.MessageID)
	m.MessageID = &id
	for key, value := range map[string]any{
		propertyID: d.ID, propertyQueue: f.Queue, propertyReason: cut(reason, longestReason), propertyText: cut(text, longestText),
		propertyCount: int64(d.Count), propertyEnqueuedAt: d.EnqueuedAt, propertyDeadAt: q.now().UTC(),
	} {
		m.ApplicationProperties[key] = value
	}
	ctx, cancel := q.deadline(ctx)
	defer cancel()
	if err := q.send(ctx, Parked, []*azservicebus.Message{m}); err != nil {
		return fmt.Errorf("queue: park %s of %s: %w", d.ID, f.Queue, classify(err))
	}
	return nil
}

// grave is a place with messages that were put aside.
type grave struct {
	name string
	sub  azservicebus.SubQueue
}

// graves are the places with what was put aside of a queue, or of all Options.Queues when
// name is empty. Looking for one parked message wears the others out, and those
// lie among the dead letters of Parked then.
func (q *Queue) graves(name string) []grave {
	names := []string{name}
	if name == "" {
		names = q.queues
	}
	var all []grave
	for _, name := range names {
		all = append(all, grave{name, azservicebus.SubQueueDeadLetter})
	}
	return append(all, grave{Parked, azservicebus.SubQueueDeadLetter}, grave{name: Parked})
}

// buried is a dead letter and where it lies.
type buried struct {
	queue.DeadMessage
	grave
	// depth is how many messages come when it is received, itself the last.
	depth int
}

// dig shows what was put aside of a queue, or of all when name is empty.
func (q *Queue) dig(ctx context.Context, name string, show func(buried)) error {
	for _, g := range q.graves(name) {
		depth := 0
		err := q.peek(ctx, g.name, g.sub, func(m *azservicebus.ReceivedMessage) bool {
			depth++
			d := buried{deadMessage(g.name, m), g, depth}
			if name == "" || d.Queue == name {
				show(d)
			}
			return true
		})
		if err != nil && !(g.name == Parked && errors.Is(err, ErrNoQueue)) {
			return err
		}
	}
	return nil
}

// prefix keeps apart the numbers of places that count their messages each by itself.
func (g grave) prefix() string {
	if g.name == Parked {
		return Parked + "/"
	}
	return ""
}
