package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/usher365/usher/shared/queue"
)

// Dead lists the dead letters of a queue, or of all queues when name is empty, the newest first.
func (q *Queue) Dead(ctx context.Context, name string) ([]queue.DeadMessage, error) {
	return q.dead(ctx, `(? = '' OR queue = ?)`, name, name)
}

// DeadOne gives the dead letter with this message id. It fails with queue.ErrNotFound.
func (q *Queue) DeadOne(ctx context.Context, id string) (queue.DeadMessage, error) {
	found, err := q.dead(ctx, `id = ?`, id)
	if err != nil {
		return queue.DeadMessage{}, err
	}
	if len(found) == 0 {
		return queue.DeadMessage{}, fmt.Errorf("dead letter %q: %w", id, queue.ErrNotFound)
	}
	return found[0], nil
}

func (q *Queue) dead(ctx context.Context, where string, args ...any) (found []queue.DeadMessage, err error) {
	err = q.db.Read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+live+`, dead_reason, dead_text, dead_at FROM queue_messages
			WHERE dead = 1 AND `+where+` ORDER BY dead_at DESC, seq DESC`, args...)
		if err != nil {
			return err
		}
		defer rows.Close() // Err tells
		for rows.Next() {
			var (
				d  queue.DeadMessage
				at int64
			)
			h, err := scanHeld(rows, &d.Reason, &d.Text, &at)
			if err != nil {
				return err
			}
			d.Message, d.Queue, d.Count, d.EnqueuedAt, d.DeadAt = h.Message, h.Queue, h.Count, h.EnqueuedAt, timeOf(at)
			found = append(found, d)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("queue: list dead letters: %w", err)
	}
	return found, nil
}

// Replay brings the dead letter with this message id back, due at once and with no
// deliveries counted. Duplicate detection does not look at it. It fails with queue.ErrNotFound.
func (q *Queue) Replay(ctx context.Context, id string) error {
	err := q.change(ctx, "replay dead letter "+id, `UPDATE queue_messages
		SET dead = 0, dead_reason = '', dead_text = '', dead_at = 0, deliveries = 0, visible_at = ?
		WHERE dead = 1 AND id = ?`, q.millis(), id)
	if err == nil {
		q.Wake()
	}
	return err
}

// Discard removes the dead letter with this message id for good. It fails with queue.ErrNotFound.
func (q *Queue) Discard(ctx context.Context, id string) error {
	return q.change(ctx, "discard dead letter "+id, `DELETE FROM queue_messages WHERE dead = 1 AND id = ?`, id)
}

// Cancel removes a message that is not due yet. Its id stays known to duplicate
// detection. It fails with queue.ErrNotFound when it is too late, or there is no such message.
func (q *Queue) Cancel(ctx context.Context, name, id string) error {
	return q.change(ctx, "cancel "+id, `DELETE FROM queue_messages
		WHERE queue = ? AND id = ? AND dead = 0 AND token = '' AND visible_at > ?`, name, id, q.millis())
}

// change runs one statement that must meet at least one message.
func (q *Queue) change(ctx context.Context, doing, statement string, args ...any) error {
	return q.write(ctx, doing, func(ctx context.Context, tx *sql.Tx) error {
		return execOr(ctx, tx, queue.ErrNotFound, statement, args...)
	})
}

// Depth counts the messages of a queue. A lock that is over counts as active.
func (q *Queue) Depth(ctx context.Context, name string) (queue.Depth, error) {
	var (
		d      queue.Depth
		oldest sql.NullInt64
		now    = q.millis()
	)
	err := q.db.Read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT
			count(CASE WHEN dead = 0 AND visible_at <= ? THEN 1 END),
			count(CASE WHEN dead = 0 AND visible_at > ? AND token = '' THEN 1 END),
			count(CASE WHEN dead = 0 AND visible_at > ? AND token <> '' THEN 1 END),
			count(CASE WHEN dead = 1 THEN 1 END),
			min(CASE WHEN dead = 0 AND visible_at <= ? THEN visible_at END)
			FROM queue_messages WHERE queue = ?`, now, now, now, now, name).
			Scan(&d.Active, &d.Planned, &d.Locked, &d.Dead, &oldest)
	})
	if err != nil {
		return queue.Depth{}, fmt.Errorf("queue: depth of %s: %w", name, err)
	}
	d.Oldest = timeOf(oldest.Int64)
	return d, nil
}
