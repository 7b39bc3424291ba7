// Package tables is the ledger on SQL tables, written once for every engine: what a
// row looks like, and what belongs into one transaction. An engine brings the
// transactions, and a way for messages to leave with them.
//
// The statements keep inside what SQLite, PostgreSQL, CockroachDB and Aurora DSQL
// share, with parameters as $1, $2, …
package tables

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/usher365/usher/shared/ledger"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the *.sql files that make the ledger's tables, in the order of their names.
func Migrations() (fs.FS, error) { return fs.Sub(migrations, "migrations") }

// OutboxMigrations are those that make the table of an outbox.
func OutboxMigrations() (fs.FS, error) { return fs.Sub(migrations, "migrations/outbox") }

// Engine runs transactions. An error of the function rolls back, and comes back so
// that errors.As finds it.
type Engine interface {
	// Write commits what change did. An engine that finds a conflict only at the end
	// calls change again.
	Write(ctx context.Context, change func(context.Context, Tx) error) error
	// Read shows everything as of one moment.
	Read(ctx context.Context, look func(context.Context, Tx) error) error
}

// Database is an engine that knows no way for messages; see NewWithOutbox.
type Database interface {
	// Write is as in Engine.
	Write(ctx context.Context, change func(context.Context, Statements) error) error
	// Read is as in Engine.
	Read(ctx context.Context, look func(context.Context, Statements) error) error
}

// Statements are carried out in a transaction. Exec may keep one back until the next
// query or the commit, and fail there.
type Statements interface {
	Exec(ctx context.Context, statement string, args ...any) error
	// Query calls each with every row; scan fills destinations as sql.Rows does. An
	// error of each ends it.
	Query(ctx context.Context, each func(scan func(...any) error) error, query string, args ...any) error
}

// Tx is a transaction.
type Tx interface {
	Statements
	// Send lets messages leave if, and only if, the transaction is committed. It
	// refuses a message that no queue would take.
	Send(ctx context.Context, messages ...ledger.Outgoing) error
}

// Ledger implements the contract of package ledger. The functions that callers pass
// in run inside its transactions: they must be quick, must not use the ledger, and
// may be called again when another process was faster; what they set the last time counts.
type Ledger struct{ engine Engine }

// New gives the ledger on an engine whose tables exist.
func New(e Engine) *Ledger { return &Ledger{e} }

// ClearLeases takes every lease away, for an engine that only one process uses: at its
// start whoever held one is dead.
func (l *Ledger) ClearLeases(ctx context.Context) error {
	return l.write(ctx, "clear the leases", func(ctx context.Context, tx Tx) error {
		return tx.Exec(ctx, `UPDATE accounts SET lease_token = '', lease_until = 0 WHERE lease_token <> ''`)
	})
}

// asIs carries an error of a caller's function through to the caller, unwrapped.
type asIs struct{ error }

// write runs a writing transaction; doing names it in an error.
func (l *Ledger) write(ctx context.Context, doing string, change func(context.Context, Tx) error) error {
	return explain(doing, l.engine.Write(ctx, change))
}

// read runs a reading transaction; doing names it in an error.
func (l *Ledger) read(ctx context.Context, doing string, look func(context.Context, Tx) error) error {
	return explain(doing, l.engine.Read(ctx, look))
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

// apply stores what a change of a record adds beside its rows: audit lines, notices and messages.
func apply(ctx context.Context, tx Tx, rec *ledger.Record) error {
	if err := appendAudit(ctx, tx, rec.Audit); err != nil {
		return err
	}
	for _, out := range rec.Send {
		if err := tx.Send(ctx, out); err != nil {
			return fmt.Errorf("send to %s: %w", out.Queue, err)
		}
	}
	for _, c := range rec.Clear {
		if _, err := clearNotice(ctx, tx, c); err != nil {
			return err
		}
	}
	_, err := raise(ctx, tx, rec.Raise)
	return err
}

// get reads one row, and reports whether there is one.
func get(ctx context.Context, tx Tx, dest []any, query string, args ...any) (found bool, err error) {
	err = tx.Query(ctx, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	}, query, args...)
	return found && err == nil, err
}
