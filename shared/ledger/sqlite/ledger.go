// Package sqlite is the embedded ledger. Beside the embedded queue it shares its database,
// and with it its transactions, with that queue; in front of any other queue it has an
// outbox.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
)

// Queue is what the ledger needs of a queue in the same database: to send in the ledger's
// own transaction, and to be told when it is committed.
type Queue interface {
	EnqueueTx(ctx context.Context, tx *sql.Tx, queue string, msgs ...queue.Message) error
	Wake()
}

// Ledger implements the contract of package ledger.
type Ledger struct{ *tables.Ledger }

// New makes the tables when they are missing and takes every lease away: only this
// process uses the database, so whoever held one is dead.
func New(ctx context.Context, db *database.DB, beside Queue) (*Ledger, error) {
	if err := migrate(ctx, db); err != nil {
		return nil, err
	}
	l := &Ledger{tables.New(shared{engine{db}, beside})}
	return l, l.ClearLeases(ctx)
}

// NewWithOutbox is New in front of a queue that lies elsewhere. What waits in the outbox
// leaves it only by this ledger: flush it before the database is used with New again.
func NewWithOutbox(ctx context.Context, db *database.DB, o tables.OutboxOptions) (*tables.OutboxLedger, error) {
	dir, err := tables.OutboxMigrations()
	if err != nil {
		return nil, fmt.Errorf("read the outbox's migrations: %w", err)
	}
	if err := errors.Join(migrate(ctx, db), db.Migrate(ctx, "outbox", dir)); err != nil {
		return nil, err
	}
	l := tables.NewWithOutbox(engine{db}, o)
	return l, l.ClearLeases(ctx)
}

func migrate(ctx context.Context, db *database.DB) error {
	dir, err := tables.Migrations()
	if err != nil {
		return fmt.Errorf("read the ledger's migrations: %w", err)
	}
	return db.Migrate(ctx, "ledger", dir)
}

// engine runs the ledger's transactions.
type engine struct{ db *database.DB }

// Write implements tables.Database.
func (e engine) Write(ctx context.Context, change func(context.Context, tables.Statements) error) error {
	return e.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error { return change(ctx, &statements{tx: tx}) })
}

// Read implements tables.Database.
func (e engine) Read(ctx context.Context, look func(context.Context, tables.Statements) error) error {
	return e.db.Read(ctx, func(ctx context.Context, tx *sql.Tx) error { return look(ctx, &statements{tx: tx}) })
}

// shared runs transactions that the queue takes part in.
type shared struct {
	engine engine
	queue  Queue
}

// Write implements tables.Engine. Once it is committed the queue is told of the messages.
func (s shared) Write(ctx context.Context, change func(context.Context, tables.Tx) error) error {
	var sent bool
	err := s.engine.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		t := &transaction{statements: statements{tx: tx}, queue: s.queue}
		err := change(ctx, t)
		sent = t.sent
		return err
	})
	if err == nil && sent {
		s.queue.Wake()
	}
	return err
}

// Read implements tables.Engine.
func (s shared) Read(ctx context.Context, look func(context.Context, tables.Tx) error) error {
	return s.engine.db.Read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return look(ctx, &transaction{statements: statements{tx: tx}, queue: s.queue})
	})
}

// statements are those of one transaction of the database.
type statements struct {
	tx *sql.Tx
	// last is the latest statement, and repeat is it prepared, once it came twice.
	last   string
	repeat *sql.Stmt
}

// Exec implements tables.Statements. A statement that is repeated is prepared, which is
// worth more than half of the time of an inventory; it ends with the transaction.
func (s *statements) Exec(ctx context.Context, statement string, args ...any) (err error) {
	if statement != s.last {
		s.last, s.repeat = statement, nil
		_, err = s.tx.ExecContext(ctx, statement, args...)
		return err
	}
	if s.repeat == nil {
		if s.repeat, err = s.tx.PrepareContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err = s.repeat.ExecContext(ctx, args...)
	return err
}

// Query implements tables.Statements.
func (s *statements) Query(ctx context.Context, each func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := s.tx.QueryContext(ctx, query, args...)
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

// transaction is one that the queue takes part in.
type transaction struct {
	statements
	queue Queue
	sent  bool
}

// Send implements tables.Tx.
func (t *transaction) Send(ctx context.Context, messages ...ledger.Outgoing) error {
	for _, m := range messages {
		if err := t.queue.EnqueueTx(ctx, t.tx, m.Queue, m.Message); err != nil {
			return err
		}
	}
	t.sent = true
	return nil
}
