// Package sqlite is the embedded queue: a table in the ledger's database, so that
// messages are sent in the transaction that records why. One process only; what it
// had locked when it died is due again when the next one starts.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options tune a Queue. The zero value is a sound default.
type Options struct {
	// Now tells the time. Nil means time.Now. It must run at the pace of the timers of package time.
	Now func() time.Time
	// DuplicateWindow is how long an id is remembered, from when it was first seen.
	// Zero means queue.DuplicateWindow.
	DuplicateWindow time.Duration
	// Observe hears of what went wrong while consuming. It must not block. Nil means queue.LogIncident.
	Observe func(queue.Incident)
}

// Queue keeps any number of named queues in one database. It implements the
// contract of package queue.
type Queue struct {
	db      *database.DB
	now     func() time.Time
	window  time.Duration
	observe func(queue.Incident)

	consumers engine.Consumers[*consumer]
	// nextSweep is in Unix milliseconds.
	nextSweep atomic.Int64
}

// New makes the tables when they are missing and frees what a dead process had locked.
func New(ctx context.Context, db *database.DB, o Options) (*Queue, error) {
	q := &Queue{db: db, now: o.Now, window: o.DuplicateWindow, observe: o.Observe}
	if q.now == nil {
		q.now = time.Now
	}
	if q.window == 0 {
		q.window = queue.DuplicateWindow
	}
	if q.observe == nil {
		q.observe = queue.LogIncident
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read the queue's migrations: %w", err)
	}
	if err := db.Migrate(ctx, "queue", dir); err != nil {
		return nil, err
	}
	return q, q.freeLocks(ctx)
}

func (q *Queue) freeLocks(ctx context.Context) error {
	return q.write(ctx, "free the locks of the process before", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE queue_messages SET token = '', visible_at = ? WHERE token <> ''`, q.millis())
		return err
	})
}

// write runs a writing transaction; doing names it in an error.
func (q *Queue) write(ctx context.Context, doing string, change func(context.Context, *sql.Tx) error) error {
	if err := q.db.Write(ctx, change); err != nil {
		return fmt.Errorf("queue: %s: %w", doing, err)
	}
	return nil
}

// Enqueue stores messages, all or none; they are durable when it returns. An id seen
// within the duplicate window is accepted and silently dropped. It fails with
// queue.ErrNoID, queue.ErrTooLarge or queue.ErrClosed.
func (q *Queue) Enqueue(ctx context.Context, name string, msgs ...queue.Message) error {
	if q.consumers.Closed() {
		return queue.ErrClosed
	}
	err := q.write(ctx, "enqueue on "+name, func(ctx context.Context, tx *sql.Tx) error {
		return q.EnqueueTx(ctx, tx, name, msgs...)
	})
	if err != nil {
		return err
	}
	q.wake(name)
	return nil
}

// EnqueueTx is Enqueue inside the caller's transaction. Call Wake once it is committed.
func (q *Queue) EnqueueTx(ctx context.Context, tx *sql.Tx, name string, msgs ...queue.Message) error {
	if err := q.sweep(ctx, tx); err != nil {
		return err
	}
	for _, m := range msgs {
		if err := q.insert(ctx, tx, name, m); err != nil {
			return fmt.Errorf("message %q: %w", m.ID, err)
		}
	}
	return nil
}

func (q *Queue) insert(ctx context.Context, tx *sql.Tx, name string, m queue.Message) error {
	r, err := q.rowOf(m)
	if err != nil {
		return err
	}
	fresh, err := q.remember(ctx, tx, name, m.ID)
	if err != nil || !fresh {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO queue_messages
		(queue, id, subject, correlation_id, body, attributes, not_before, enqueued_at, visible_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		name, m.ID, m.Subject, m.CorrelationID, r.body, r.attributes, r.notBefore, r.enqueuedAt, r.visibleAt)
	return err
}

// row is a message in the table's own terms.
type row struct {
	body                             []byte
	attributes                       string
	notBefore, enqueuedAt, visibleAt int64
}

// rowOf checks a message. The due time is rounded up to the millisecond: never early.
func (q *Queue) rowOf(m queue.Message) (row, error) {
	if err := m.Check(); err != nil {
		return row{}, err
	}
	attributes, err := json.Marshal(m.Attributes)
	if err != nil {
		return row{}, fmt.Errorf("write the attributes: %w", err)
	}
	now := q.millis()
	r := row{body: m.Body, attributes: string(attributes), enqueuedAt: now, visibleAt: now}
	if m.Body == nil {
		r.body = []byte{}
	}
	if !m.NotBefore.IsZero() {
		r.notBefore = m.NotBefore.Add(time.Millisecond - 1).UnixMilli()
		r.visibleAt = max(now, r.notBefore)
	}
	return r, nil
}

// remember notes an id and reports whether it is new within the window.
func (q *Queue) remember(ctx context.Context, tx *sql.Tx, name, id string) (bool, error) {
	now := q.now()
	res, err := tx.ExecContext(ctx, `INSERT INTO queue_seen (queue, id, until) VALUES (?, ?, ?)
		ON CONFLICT (queue, id) DO UPDATE SET until = excluded.until WHERE queue_seen.until <= ?`,
		name, id, now.Add(q.window).UnixMilli(), now.UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

const (
	sweepEvery = 10 * time.Minute
	sweepMost  = 2000
)

// sweep forgets ids whose window is over, now and then, and some at a time.
func (q *Queue) sweep(ctx context.Context, tx *sql.Tx) error {
	now := q.now()
	if now.UnixMilli() < q.nextSweep.Load() {
		return nil
	}
	res, err := tx.ExecContext(ctx, `DELETE FROM queue_seen WHERE rowid IN
		(SELECT rowid FROM queue_seen WHERE until <= ? LIMIT ?)`, now.UnixMilli(), sweepMost)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == sweepMost {
		return err // more of them: go on with the next message
	}
	q.nextSweep.Store(now.Add(sweepEvery).UnixMilli())
	return nil
}

// millis is the current time, rounded down: never later than it is.
func (q *Queue) millis() int64 { return q.now().UnixMilli() }

// Wake lets the consumers look for work. It is called after a transaction that used
// EnqueueTx has committed.
func (q *Queue) Wake() { q.wake("") }

// wake wakes the consumers of one queue, or of all.
func (q *Queue) wake(name string) {
	q.consumers.Each(func(c *consumer) {
		if name == "" || c.Queue == name {
			select {
			case c.wakeUp <- struct{}{}:
			default:
			}
		}
	})
}

// Close stops every Run, waits for them, and refuses further messages. The database stays open.
func (q *Queue) Close() error {
	q.consumers.Close()
	return nil
}
