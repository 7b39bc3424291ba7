package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
)

const (
	// sendTimeout bounds the sending after a commit: what is not sent then, the next
	// sweep sends.
	sendTimeout = 15 * time.Second
	// outboxPage is how many messages a sweep holds in memory.
	outboxPage = 100
)

// outbox takes committed messages to their queues.
type outbox struct {
	sender  Sender
	observe func(error)
}

// deliver sends the messages of a transaction. It has no error, for the transaction is
// committed and the messages are safe; a caller that goes away does not stop it.
func (o outbox) deliver(ctx context.Context, pool *pgxpool.Pool, sent []ledger.Outgoing) {
	if len(sent) == 0 || o.sender == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	if err := o.send(ctx, pool, sent); err != nil {
		o.observe(err)
	}
}

// send sends messages, those of one queue together, and removes what was acknowledged.
// It goes on after a failure.
func (o outbox) send(ctx context.Context, pool *pgxpool.Pool, all []ledger.Outgoing) error {
	var errs []error
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Queue == all[0].Queue {
			n++
		}
		errs = append(errs, o.sendTogether(ctx, pool, all[:n]))
		all = all[n:]
	}
	return errors.Join(errs...)
}

// sendTogether sends messages of one queue. When the queue does not take them together
// each is sent by itself, so that a bad one holds up no other.
func (o outbox) sendTogether(ctx context.Context, pool *pgxpool.Pool, some []ledger.Outgoing) error {
	name := some[0].Queue
	messages := make([]queue.Message, len(some))
	for i, out := range some {
		messages[i] = out.Message
	}
	err := o.sender.Enqueue(ctx, name, messages...)
	if err == nil {
		return forget(ctx, pool, some)
	}
	if len(some) == 1 || ctx.Err() != nil {
		return fmt.Errorf("send message %s to %s, which stays in the outbox: %w", some[0].Message.ID, name, err)
	}
	var errs []error
	for i := range some {
		errs = append(errs, o.sendTogether(ctx, pool, some[i:i+1]))
	}
	return errors.Join(errs...)
}

// forget removes messages that a queue acknowledged.
func forget(ctx context.Context, pool *pgxpool.Pool, sent []ledger.Outgoing) error {
	var batch pgx.Batch
	for _, out := range sent {
		batch.Queue(`DELETE FROM outbox WHERE queue = $1 AND message_id = $2`, out.Queue, out.Message.ID)
	}
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("clear the outbox of %d sent messages, which will be sent again: %w", len(sent), classify(err))
	}
	return nil
}

// Flush sends every message that waits in the outbox: those of a process that died
// between its commit and its send, and those a queue did not take. A message leaves the
// outbox when its queue acknowledged it; two processes that flush at once both send it,
// under the same id. Flush goes on after a failure, and returns all of them.
func (l *Ledger) Flush(ctx context.Context) error {
	if l.engine.outbox.sender == nil {
		return errors.New("ledger: flush the outbox: there is no sender")
	}
	var (
		errs  []error
		after ledger.Outgoing
	)
	for {
		page, err := l.waiting(ctx, after)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("ledger: read the outbox: %w", err))...)
		}
		if len(page) == 0 {
			return errors.Join(errs...)
		}
		errs = append(errs, l.engine.outbox.send(ctx, l.engine.pool, page))
		after = page[len(page)-1]
	}
}

// waiting reads the next messages of the outbox.
func (l *Ledger) waiting(ctx context.Context, after ledger.Outgoing) (page []ledger.Outgoing, err error) {
	err = l.engine.Read(ctx, func(ctx context.Context, tx tables.Tx) error {
		return tx.Query(ctx, func(scan func(...any) error) error {
			var (
				out ledger.Outgoing
				doc []byte
			)
			if err := scan(&out.Queue, &doc); err != nil {
				return err
			}
			if err := json.Unmarshal(doc, &out.Message); err != nil {
				return fmt.Errorf("%w: a message of %s cannot be read: %w", ledger.ErrCorrupt, out.Queue, err)
			}
			page = append(page, out)
			return nil
		}, `SELECT queue, doc FROM outbox WHERE (queue, message_id) > ($1, $2) ORDER BY queue, message_id LIMIT $3`,
			after.Queue, after.Message.ID, outboxPage)
	})
	return page, err
}

// Sweep flushes at once and then in intervals, until ctx ends. Failures are observed,
// and tried again.
func (l *Ledger) Sweep(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := l.Flush(ctx); err != nil && ctx.Err() == nil {
			l.engine.outbox.observe(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
