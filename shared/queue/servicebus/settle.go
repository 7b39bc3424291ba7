package servicebus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
)

// settleTimeout is how long an answer to settling is waited for. It is short because the
// client, left alone, waits on a link that is dead, by its own pauses, for 42 seconds.
const settleTimeout = time.Second

// errOutcome says that an outcome cannot be carried out, whenever it is tried.
var errOutcome = errors.New("queue: the handler's outcome cannot be carried out")

// settle carries out a handler's outcome.
func (c *consumer) settle(ctx context.Context, h held, out queue.Outcome) error {
	switch out.Verb {
	case queue.Complete:
		return c.complete(ctx, h)
	case queue.DeadLetter:
		return c.bury(ctx, h, out)
	case queue.Retry:
		return c.replace(ctx, h, out.Next)
	default:
		return c.abandon(ctx, h)
	}
}

func (c *consumer) complete(ctx context.Context, h held) error {
	return c.finish(ctx, h, func(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) error {
		return r.CompleteMessage(ctx, m, nil)
	})
}

// replace sends the next message, then completes the one held. A crash in between brings
// the one held again, whose next message is then dropped as a duplicate. The lock is
// proved first, so that a stale holder sends nothing.
func (c *consumer) replace(ctx context.Context, h held, next queue.Message) error {
	if err := check(next); err != nil {
		return fmt.Errorf("the retry of %s: %w: %w", h.ID, errOutcome, err)
	}
	if err := c.renew(h); err != nil {
		return err
	}
	for n := 1; ; n++ {
		err := c.q.Enqueue(ctx, h.Queue, next)
		if err == nil {
			return c.complete(ctx, h)
		}
		if errors.Is(err, queue.ErrClosed) || c.isOver(h) {
			return fmt.Errorf("the retry of %s: %w", h.ID, err)
		}
		engine.Sleep(ctx, engine.Pause(n))
	}
}

// What reason and text of a dead letter are cut to, in bytes.
const longestReason, longestText = 1 << 10, 4 << 10

// cut shortens a text; what is not text, such as half a letter, is left out.
func cut(text string, most int) string { return strings.ToValidUTF8(text[:min(len(text), most)], "") }

func (c *consumer) bury(ctx context.Context, h held, why queue.Outcome) error {
	reason, text := cut(why.Reason, longestReason), cut(why.Text, longestText)
	o := &azservicebus.DeadLetterOptions{
		Reason: &reason, ErrorDescription: &text,
		PropertiesToModify: map[string]any{propertyCount: int64(h.Count), propertyDeadAt: c.q.now().UTC()},
	}
	return c.finish(ctx, h, func(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) error {
		return r.DeadLetterMessage(ctx, m, o)
	})
}

// abandon gives the message back; the delivery stays counted.
func (c *consumer) abandon(ctx context.Context, h held) error {
	if h.Count >= c.Options.MaxDeliveries {
		return c.bury(ctx, h, queue.WornOut(c.Options.MaxDeliveries))
	}
	return c.giveBack(ctx, h, nil)
}

// release gives back what was not finished because the consumer stops. The service
// counts it all the same, so the message notes that we do not.
func (c *consumer) release(ctx context.Context, h held) error {
	return c.giveBack(ctx, h, map[string]any{propertyUncounted: uncounted(h.message) + 1})
}

func (c *consumer) giveBack(ctx context.Context, h held, properties map[string]any) error {
	o := &azservicebus.AbandonMessageOptions{PropertiesToModify: properties}
	return c.finish(ctx, h, func(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) error {
		return r.AbandonMessage(ctx, m, o)
	})
}

// settler is one of the client's ways to settle a message.
type settler func(context.Context, *azservicebus.Receiver, *azservicebus.ReceivedMessage) error

// finish settles on the link that the message came on, and when that gives no answer soon,
// on a link that lives: renewing the lock mends the connection and proves that the
// message is still ours, and the lock token alone is then settled on $management.
func (c *consumer) finish(ctx context.Context, h held, settle settler) error {
	err := c.attempt(ctx, h.receiver, h.message, settle)
	for n := 1; err != nil; n++ {
		if errors.Is(err, queue.ErrLockLost) || c.isOver(h) {
			return fmt.Errorf("queue: settle %s: %w", h.ID, err)
		}
		if n > 1 {
			engine.Sleep(ctx, engine.Pause(n-1))
		}
		if err = c.renew(h); err == nil {
			err = c.attempt(ctx, c.current(), h.bare(), settle)
		}
	}
	return nil
}

func (c *consumer) attempt(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage, settle settler) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return classify(settle(ctx, r, m))
}

// isOver reports whether the lock has run out by our clock.
func (c *consumer) isOver(h held) bool { return c.q.now().UnixNano() >= h.until.Load() }
