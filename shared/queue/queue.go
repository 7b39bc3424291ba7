// Package queue is one contract for every engine that carries commands.
//
// Guarantees: at least once; never early; no order. A handler must therefore be
// idempotent. An id that was seen within the engine's duplicate window is accepted
// and silently dropped, also while the first message still waits for its time: a
// retry needs a new id.
package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// MaxBody is the largest body an engine takes, in bytes (256 KiB, the limit of the
// Service Bus Standard tier, minus room for headers).
const MaxBody = 240 << 10

// DuplicateWindow is how long an engine remembers an id by default.
const DuplicateWindow = 24 * time.Hour

var (
	// ErrTooLarge refuses a body over MaxBody.
	ErrTooLarge = errors.New("queue: message is larger than the queue takes")
	// ErrNoID refuses a message without an id.
	ErrNoID = errors.New("queue: message has no id")
	// ErrNotFound says that there is no such dead letter or planned message (any more).
	ErrNotFound = errors.New("queue: no such message")
	// ErrClosed says that the engine was closed.
	ErrClosed = errors.New("queue: closed")
)

// Message is what travels. Body carries ids, never documents, and never secrets.
type Message struct {
	// ID is required; a repeated ID is dropped.
	ID string
	// Subject is the kind of message, for people and filters.
	Subject string
	// CorrelationID is the request the message belongs to.
	CorrelationID string
	Body          []byte
	Attributes    map[string]string
	// NotBefore holds the message back until then. Zero is at once.
	NotBefore time.Time
}

// Check says whether any engine takes the message: ErrNoID or ErrTooLarge when none does.
func (m Message) Check() error {
	switch {
	case m.ID == "":
		return ErrNoID
	case len(m.Body) > MaxBody:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(m.Body), MaxBody)
	}
	return nil
}

// Delivery is one hand-over of a message to a handler.
type Delivery struct {
	Message
	Queue string
	// Count is how often the engine handed this message over, from 1. It rises when a
	// handler crashed or lost its lock, never for a wait.
	Count      int
	EnqueuedAt time.Time
}

// Verb is what becomes of a delivery.
type Verb int

const (
	// Abandon makes the message visible again at once and counts the delivery. It is
	// the zero value, so that a handler that says nothing loses nothing.
	Abandon Verb = iota
	// Complete removes the message.
	Complete
	// Retry replaces the message by Next, which has a new id and usually a NotBefore.
	Retry
	// DeadLetter puts the message aside for a person, with Reason and Text.
	DeadLetter
)

// Outcome is a handler's answer. Build it with the functions below.
type Outcome struct {
	Verb   Verb
	Next   Message
	Reason string
	Text   string
}

// Done completes the delivery.
func Done() Outcome { return Outcome{Verb: Complete} }

// RetryWith replaces the delivery by next, in one step where the engine can and
// crash-safe where it cannot.
func RetryWith(next Message) Outcome { return Outcome{Verb: Retry, Next: next} }

// Dead puts the delivery aside. reason is short and stable (a fault code), text is for people.
func Dead(reason, text string) Outcome {
	return Outcome{Verb: DeadLetter, Reason: reason, Text: text}
}

// WornOut puts a delivery aside that came as often as it may.
func WornOut(most int) Outcome {
	return Dead(ReasonMaxDeliveries, fmt.Sprintf("the message was delivered %d times and never settled", most))
}

// Abandoned gives the delivery back at once.
func Abandoned() Outcome { return Outcome{Verb: Abandon} }

// Handler works on one delivery. The context ends when the lock is lost or the
// engine stops; the outcome is then thrown away and the message comes again.
type Handler func(context.Context, Delivery) Outcome

// Call hands a delivery over; a panic is an error of kind ErrPanicked.
func (h Handler) Call(ctx context.Context, d Delivery) (out Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanicked, p, debug.Stack())
		}
	}()
	return h(ctx, d), nil
}

// Options say how a queue is consumed.
type Options struct {
	// Workers is how many deliveries are handled at once. Zero means 1.
	Workers int
	// Lock is how long a delivery is ours before it must be renewed (the engine
	// renews). Zero means 1 minute; Service Bus takes at most 5.
	Lock time.Duration
	// MaxDeliveries dead-letters a message that came this often with reason
	// ReasonMaxDeliveries. Zero means 10.
	MaxDeliveries int
	// Idle ends Run, without an error, when for so long nothing came and nothing was in
	// hand: the queue is drained. Zero means never.
	Idle time.Duration
	// For is how long messages are taken. After that Run lets its handlers finish, whose
	// context goes on, and returns. Zero means until the context ends.
	For time.Duration
}

// WithDefaults puts a value in the place of every zero.
func (o Options) WithDefaults() Options {
	o.Workers = cmp.Or(o.Workers, 1)
	o.Lock = cmp.Or(o.Lock, time.Minute)
	o.MaxDeliveries = cmp.Or(o.MaxDeliveries, 10)
	return o
}

// ReasonMaxDeliveries is the dead-letter reason that engines give by themselves,
// word for word as Service Bus writes it.
const ReasonMaxDeliveries = "MaxDeliveryCountExceeded"

// DeadMessage is a dead letter.
type DeadMessage struct {
	Message
	Queue      string
	Reason     string
	Text       string
	Count      int
	EnqueuedAt time.Time
	DeadAt     time.Time
}

// Depth counts the messages of a queue by state.
type Depth struct {
	Active, Planned, Locked, Dead int
	// Oldest is when the oldest message that is due became due; zero when none is.
	Oldest time.Time
}
