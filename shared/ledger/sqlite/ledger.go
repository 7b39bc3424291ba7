// Package sqlite is the embedded ledger. It shares its database, and with it its
// transactions, with the embedded queue.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Outbox is what the ledger needs of the queue: to send in the ledger's own
// transaction, and to be told when it is committed.
type Outbox interface {
	EnqueueTx(ctx context.Context, tx *sql.Tx, queue string, msgs ...queue.Message) error
	Wake()
}

// Ledger implements the contract of package ledger. The functions that callers pass
// in run inside its transactions: they must be quick and must not use the ledger.
type Ledger struct {
	db     *database.DB
	outbox Outbox
}

// New makes the tables when they are missing and takes every lease away: only this
// process uses the database, so whoever held one is dead.
func New(ctx context.Context, db *database.DB, outbox Outbox) (*Ledger, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read the ledger's migrations: %w", err)
	}
	if err := db.Migrate(ctx, "ledger", dir); err != nil {
		return nil, err
	}
	l := &Ledger{db: db, outbox: outbox}
	return l, l.write(ctx, "clear the leases", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE accounts SET lease_token = '', lease_until = 0 WHERE lease_token <> ''`)
		return err
	})
}

// asIs carries an error of a caller's function through to the caller, unwrapped.
type asIs struct{ error }

// write runs a writing transaction; doing names it in an error.
func (l *Ledger) write(ctx context.Context, doing string, change func(context.Context, *sql.Tx) error) error {
	return explain(doing, l.db.Write(ctx, change))
}

// read runs a reading transaction; doing names it in an error.
func (l *Ledger) read(ctx context.Context, doing string, look func(context.Context, *sql.Tx) error) error {
	return explain(doing, l.db.Read(ctx, look))
}

func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[asIs](err); ok {
		return own.error
	}
	return fmt.Errorf("ledger: %s: %w", doing, err)
}

// apply stores what a change of a record adds beside its rows: audit lines and messages.
func (l *Ledger) apply(ctx context.Context, tx *sql.Tx, rec *ledger.Record) error {
	if err := appendAudit(ctx, tx, rec.Audit); err != nil {
		return err
	}
	for _, out := range rec.Send {
		if err := l.outbox.EnqueueTx(ctx, tx, out.Queue, out.Message); err != nil {
			return fmt.Errorf("send to %s: %w", out.Queue, err)
		}
	}
	return nil
}

// wake tells the queue of messages that were committed.
func (l *Ledger) wake(sent []ledger.Outgoing) {
	if len(sent) > 0 {
		l.outbox.Wake()
	}
}
