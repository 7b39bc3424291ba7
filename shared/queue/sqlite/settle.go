package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/usher365/usher/shared/queue"
)

// ours is the condition under which a holder may settle: its token, its lock not over.
const ours = ` WHERE seq = ? AND token = ? AND visible_at > ?`

// exec changes a held row; it fails with queue.ErrLockLost when it is not ours any more.
func (q *Queue) exec(ctx context.Context, tx *sql.Tx, h held, statement string, args ...any) error {
	return execOr(ctx, tx, queue.ErrLockLost, statement+ours, append(args, h.seq, h.token, q.millis())...)
}

// execOr runs a statement that must meet a row, and fails with the given error when it does not.
func execOr(ctx context.Context, tx *sql.Tx, none error, statement string, args ...any) error {
	res, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return none
}

// settle carries out a handler's outcome.
func (q *Queue) settle(ctx context.Context, h held, out queue.Outcome, o queue.Options) error {
	return q.put(ctx, "settle "+h.ID, h, func(ctx context.Context, tx *sql.Tx) error {
		switch out.Verb {
		case queue.Complete:
			return q.complete(ctx, tx, h)
		case queue.DeadLetter:
			return q.bury(ctx, tx, h, out)
		case queue.Retry:
			return q.replace(ctx, tx, h, out.Next)
		default:
			return q.abandon(ctx, tx, h, 0, o.MaxDeliveries)
		}
	})
}

// put changes a held message in a transaction of its own and wakes whoever may take it next.
func (q *Queue) put(ctx context.Context, doing string, h held, change func(context.Context, *sql.Tx) error) error {
	err := q.write(ctx, doing, change)
	q.wake(h.Queue)
	return err
}

func (q *Queue) complete(ctx context.Context, tx *sql.Tx, h held) error {
	return q.exec(ctx, tx, h, `DELETE FROM queue_messages`)
}

func (q *Queue) bury(ctx context.Context, tx *sql.Tx, h held, why queue.Outcome) error {
	return q.exec(ctx, tx, h, `UPDATE queue_messages SET token = '', dead = 1, dead_reason = ?, dead_text = ?, dead_at = ?`,
		why.Reason, why.Text, q.millis())
}

// replace puts the next message in the place of the one held. When the next one was
// seen already it exists or is done, and the one held is simply complete.
func (q *Queue) replace(ctx context.Context, tx *sql.Tx, h held, next queue.Message) error {
	r, err := q.rowOf(next)
	if err != nil {
		return fmt.Errorf("the retry of %s: %w", h.ID, err)
	}
	fresh, err := q.remember(ctx, tx, h.Queue, next.ID)
	if err != nil {
		return err
	}
	if !fresh {
		return q.complete(ctx, tx, h)
	}
	return q.exec(ctx, tx, h, `UPDATE queue_messages SET token = '', deliveries = 0, id = ?, subject = ?, correlation_id = ?,
		body = ?, attributes = ?, not_before = ?, enqueued_at = ?, visible_at = ?`,
		next.ID, next.Subject, next.CorrelationID, r.body, r.attributes, r.notBefore, r.enqueuedAt, r.visibleAt)
}

// abandon gives the message back after a pause; the delivery stays counted.
func (q *Queue) abandon(ctx context.Context, tx *sql.Tx, h held, pause time.Duration, most int) error {
	if h.Count >= most {
		return q.bury(ctx, tx, h, queue.WornOut(most))
	}
	return q.exec(ctx, tx, h, `UPDATE queue_messages SET token = '', visible_at = ?`, q.now().Add(pause).UnixMilli())
}

// release gives back what was not finished because the engine stops; not counted.
func (q *Queue) release(ctx context.Context, h held) error {
	return q.put(ctx, "give back "+h.ID, h, func(ctx context.Context, tx *sql.Tx) error {
		return q.exec(ctx, tx, h, `UPDATE queue_messages SET token = '', deliveries = deliveries - 1, visible_at = ?`, q.millis())
	})
}

// renew moves the end of the lock.
func (q *Queue) renew(ctx context.Context, h held, lock time.Duration) error {
	return q.write(ctx, "renew the lock of "+h.ID, func(ctx context.Context, tx *sql.Tx) error {
		return q.exec(ctx, tx, h, `UPDATE queue_messages SET visible_at = ?`, q.now().Add(lock).UnixMilli())
	})
}
