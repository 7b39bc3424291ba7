package tables

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

const (
	// sendTimeout bounds the sending after a commit: what is not sent then, the next
	// sweep sends.
	sendTimeout = 15 * time.Second
	// outboxPage is how many messages a sweep holds in memory.
	outboxPage = 100
)

// Sender takes a committed message to its queue. Returning nil acknowledges: the queue
// has it, or had it before.
type Sender interface {
	Enqueue(ctx context.Context, queue string, msgs ...queue.Message) error
}

// OutboxOptions say how messages leave an outbox.
type OutboxOptions struct {
	// Sender sends messages. Nil leaves them in the outbox, for another process to sweep.
	Sender Sender
	// Observe hears what went wrong after a commit, when no caller can be told: a message
	// stays in the outbox, or one may be sent twice. Nil writes it to slog.Default.
	Observe func(error)
}

// Outbox keeps the messages of committed transactions until their queues have acknowledged
// them, for a ledger whose queue takes no part in its transactions.
type Outbox struct {
	db      Database
	sender  Sender
	observe func(error)
}

// OutboxLedger is a ledger whose messages leave by an outbox.
type OutboxLedger struct {
	*Ledger
	*Outbox
}

// NewWithOutbox gives the ledger on a database whose tables exist, those of
// OutboxMigrations among them. Messages are sent right after the commit; what could not
// be sent then, Flush sends.
func NewWithOutbox(db Database, o OutboxOptions) *OutboxLedger {
	box := &Outbox{db: db, sender: o.Sender, observe: o.Observe}
	if box.observe == nil {
		box.observe = func(err error) { slog.Default().Warn("outbox", slog.Any("error", err)) }
	}
	return &OutboxLedger{New(posting{box}), box}
}

// posting is the engine whose messages go into the outbox.
type posting struct{ box *Outbox }

// Write implements Engine. Once it is committed, its messages are sent.
func (p posting) Write(ctx context.Context, change func(context.Context, Tx) error) error {
	var sent []ledger.Outgoing
	err := p.box.db.Write(ctx, func(ctx context.Context, tx Statements) error {
		letters := &posted{Statements: tx}
		err := change(ctx, letters)
		sent = letters.sent
		return err
	})
	if err != nil {
		return err
	}
	p.box.deliver(ctx, sent)
	return nil
}

// Read implements Engine.
func (p posting) Read(ctx context.Context, look func(context.Context, Tx) error) error {
	return p.box.db.Read(ctx, func(ctx context.Context, tx Statements) error { return look(ctx, &posted{Statements: tx}) })
}

// posted is a transaction whose messages go into the outbox.
type posted struct {
	Statements
	sent []ledger.Outgoing
}

// Send implements Tx.
func (p *posted) Send(ctx context.Context, messages ...ledger.Outgoing) error {
	for _, m := range messages {
		if err := m.Message.Check(); err != nil {
			return err
		}
		doc, err := encode(m.Message)
		if err != nil {
			return fmt.Errorf("encode message %s: %w", m.Message.ID, err)
		}
		err = p.Exec(ctx, `INSERT INTO outbox (queue, message_id, doc) VALUES ($1, $2, $3)
			ON CONFLICT (queue, message_id) DO NOTHING`, m.Queue, m.Message.ID, doc)
		if err != nil {
			return err
		}
		p.sent = append(p.sent, m)
	}
	return nil
}

// deliver sends the messages of a transaction. It has no error, for the transaction is
// committed and the messages are safe; a caller that goes away does not stop it.
func (o *Outbox) deliver(ctx context.Context, sent []ledger.Outgoing) {
	if len(sent) == 0 || o.sender == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	if err := o.send(ctx, sent); err != nil {
		o.observe(err)
	}
}

// send sends messages, those of one queue together, and removes what was acknowledged.
// It goes on after a failure.
func (o *Outbox) send(ctx context.Context, all []ledger.Outgoing) error {
	var errs []error
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Queue == all[0].Queue {
			n++
		}
		errs = append(errs, o.sendTogether(ctx, all[:n]))
		all = all[n:]
	}
	return errors.Join(errs...)
}

// sendTogether sends messages of one queue. When the queue does not take them together
// each is sent by itself, so that a bad one holds up no other.
func (o *Outbox) sendTogether(ctx context.Context, some []ledger.Outgoing) error {
	name := some[0].Queue
	messages := make([]queue.Message, len(some))
	for i, out := range some {
		messages[i] = out.Message
	}
	err := o.sender.Enqueue(ctx, name, messages...)
	if err == nil {
		return o.forget(ctx, some)
	}
	if len(some) == 1 || ctx.Err() != nil {
		return fmt.Errorf("send message %s to %s, which stays in the outbox: %w", some[0].Message.ID, name, err)
	}
	var errs []error
	for i := range some {
		errs = append(errs, o.sendTogether(ctx, some[i:i+1]))
	}
	return errors.Join(errs...)
}

// forget removes messages that a queue acknowledged.
func (o *Outbox) forget(ctx context.Context, sent []ledger.Outgoing) error {
	err := o.db.Write(ctx, func(ctx context.Context, tx Statements) error {
		for _, out := range sent {
			if err := tx.Exec(ctx, `DELETE FROM outbox WHERE queue = $1 AND message_id = $2`, out.Queue, out.Message.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("clear the outbox of %d sent messages, which will be sent again: %w", len(sent), err)
	}
	return nil
}

// Flush sends every message that waits in the outbox: those of a process that died
// between its commit and its send, and those a queue did not take. A message leaves the
// outbox when its queue acknowledged it; two processes that flush at once both send it,
// under the same id. Flush goes on after a failure, and returns all of them.
func (o *Outbox) Flush(ctx context.Context) error {
	if o.sender == nil {
		return errors.New("ledger: flush the outbox: there is no sender")
	}
	var (
		errs  []error
		after ledger.Outgoing
	)
	for {
		page, err := o.waiting(ctx, after)
		if err != nil {
			return errors.Join(append(errs, explain("read the outbox", err))...)
		}
		if len(page) == 0 {
			return errors.Join(errs...)
		}
		errs = append(errs, o.send(ctx, page))
		after = page[len(page)-1]
	}
}

// waiting reads the next messages of the outbox.
func (o *Outbox) waiting(ctx context.Context, after ledger.Outgoing) (page []ledger.Outgoing, err error) {
	err = o.db.Read(ctx, func(ctx context.Context, tx Statements) error {
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
