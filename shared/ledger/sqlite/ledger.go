// Package sqlite is the embedded ledger. It shares its database, and with it its
// transactions, with the embedded queue.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
)

// Outbox is what the ledger needs of the queue: to send in the ledger's own
// transaction, and to be told when it is committed.
type Outbox interface {
	EnqueueTx(ctx context.Context, tx *sql.Tx, queue string, msgs ...queue.Message) error
	Wake()
}

// Ledger implements the contract of package ledger.
type Ledger struct{ *tables.Ledger }

// New makes the tables when they are missing and takes every lease away: only this
// process uses the database, so whoever held one is dead.
func New(ctx context.Context, db *database.DB, outbox Outbox) (*Ledger, error) {
	migrations, err := tables.Migrations()
	if err != nil {
		return nil, fmt.Errorf("read the ledger's migrations: %w", err)
	}
	if err := db.Migrate(ctx, "ledger", migrations); err != nil {
		return nil, err
	}
	l := &Ledger{tables.New(engine{db, outbox})}
	return l, l.ClearLeases(ctx)
}

// engine runs the ledger's transactions on the shared database.
type engine struct {
	db     *database.DB
	outbox Outbox
}

// Write implements tables.Engine. Once it is committed the queue is told of the messages.
func (e engine) Write(ctx context.Context, change func(context.Context, tables.Tx) error) error {
	var sent bool
	err := e.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		t := &transaction{tx: tx, outbox: e.outbox}
		err := change(ctx, t)
		sent = t.sent
		return err
	})
	if err == nil && sent {
		e.outbox.Wake()
	}
	return err
}

// Read implements tables.Engine.
func (e engine) Read(ctx context.Context, look func(context.Context, tables.Tx) error) error {
	return e.db.Read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return look(ctx, &transaction{tx: tx, outbox: e.outbox})
	})
}

// transaction is one of the database's, which the queue takes part in.
type transaction struct {
	tx     *sql.Tx
	outbox Outbox
	sent   bool
	// last is the latest statement, and repeat is it prepared, once it came twice.
	last   string
	repeat *sql.Stmt
}

// Exec implements tables.Tx. A statement that is repeated is prepared, which is worth
// more than half of the time of an inventory; it ends with the transaction.
func (t *transaction) Exec(ctx context.Context, statement string, args ...any) (err error) {
	if statement != t.last {
		t.last, t.repeat = statement, nil
		_, err = t.tx.ExecContext(ctx, statement, args...)
		return err
	}
	if t.repeat == nil {
		if t.repeat, err = t.tx.PrepareContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err = t.repeat.ExecContext(ctx, args...)
	return err
}

// Query implements tables.Tx.
func (t *transaction) Query(ctx context.Context, each func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := t.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() // Err tells
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Send implements tables.Tx.
func (t *transaction) Send(ctx context.Context, messages ...ledger.Outgoing) error {
	for _, m := range messages {
		if err := t.outbox.EnqueueTx(ctx, t.tx, m.Queue, m.Message); err != nil {
			return err
		}
	}
	t.sent = true
	return nil
}
