package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/usher365/usher/shared/queue"
)

// held is a delivery with what proves that it is ours.
type held struct {
	queue.Delivery
	seq   int64
	token string
}

// live are the columns of a message that is not dead.
const live = `seq, queue, id, subject, correlation_id, body, attributes, not_before, enqueued_at, deliveries`

// scanner is a row of a result.
type scanner interface{ Scan(dest ...any) error }

func scanHeld(s scanner, more ...any) (held, error) {
	var (
		h                     held
		attributes            []byte
		notBefore, enqueuedAt int64
	)
	dest := []any{&h.seq, &h.Queue, &h.ID, &h.Subject, &h.CorrelationID, &h.Body, &attributes, &notBefore, &enqueuedAt, &h.Count}
	if err := s.Scan(append(dest, more...)...); err != nil {
		return h, err
	}
	if err := json.Unmarshal(attributes, &h.Attributes); err != nil {
		return h, fmt.Errorf("read the attributes of message %q: %w", h.ID, err)
	}
	h.EnqueuedAt = timeOf(enqueuedAt)
	h.NotBefore = timeOf(notBefore)
	return h, nil
}

func timeOf(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// take locks up to n messages that are due, the longest due first. Fewer are taken when
// some of them came as often as they may and were never settled: those are buried.
func (q *Queue) take(ctx context.Context, name string, n int, o queue.Options) (taken []held, err error) {
	err = q.write(ctx, "take from "+name, func(ctx context.Context, tx *sql.Tx) error {
		now := q.now()
		found, err := due(ctx, tx, name, now.UnixMilli(), n)
		if err != nil {
			return err
		}
		token, end := rand.Text(), now.Add(o.Lock).UnixMilli()
		for _, h := range found {
			if h.Count >= o.MaxDeliveries {
				if err := q.buryWornOut(ctx, tx, h, o.MaxDeliveries); err != nil {
					return err
				}
				continue
			}
			h.token = token
			h.Count++
			if _, err := tx.ExecContext(ctx, `UPDATE queue_messages SET token = ?, visible_at = ?, deliveries = ? WHERE seq = ?`,
				token, end, h.Count, h.seq); err != nil {
				return err
			}
			taken = append(taken, h)
		}
		return nil
	})
	return taken, err
}

func due(ctx context.Context, tx *sql.Tx, name string, now int64, n int) (found []held, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+live+` FROM queue_messages
		WHERE queue = ? AND dead = 0 AND visible_at <= ? ORDER BY visible_at, seq LIMIT ?`, name, now, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // Err tells
	for rows.Next() {
		h, err := scanHeld(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, h)
	}
	return found, rows.Err()
}

// buryWornOut makes a dead letter of a message that its last holder never settled.
func (q *Queue) buryWornOut(ctx context.Context, tx *sql.Tx, h held, most int) error {
	why := queue.WornOut(most)
	_, err := tx.ExecContext(ctx, `UPDATE queue_messages
		SET token = '', dead = 1, dead_reason = ?, dead_text = ?, dead_at = ? WHERE seq = ?`,
		why.Reason, why.Text, q.millis(), h.seq)
	return err
}

// nextDue tells when the next message of a queue can be taken.
func (q *Queue) nextDue(ctx context.Context, name string) (at time.Time, some bool, err error) {
	var visible sql.NullInt64
	err = q.db.Read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT min(visible_at) FROM queue_messages WHERE queue = ? AND dead = 0`, name).Scan(&visible)
	})
	if err != nil {
		return at, false, fmt.Errorf("queue: look for work on %s: %w", name, err)
	}
	return time.UnixMilli(visible.Int64), visible.Valid, nil
}
