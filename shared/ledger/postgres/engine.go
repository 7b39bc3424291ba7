package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usher365/usher/shared/ledger/tables"
)

// How often a transaction is tried that loses its conflicts, and how long the pauses are.
const (
	maxTries   = 20
	firstPause = 5 * time.Millisecond
	maxPause   = 500 * time.Millisecond
)

// Begin a transaction and, in the same message, let the server end it should this
// process freeze while others wait for it.
const (
	beginWrite = `BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL idle_in_transaction_session_timeout = '15s'`
	beginRead  = `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`
)

// engine runs the ledger's transactions.
type engine struct {
	pool   *pgxpool.Pool
	random func() float64
	// lane is held by the one transaction of this process that is tried again: if all
	// did so at once, all but one would lose again.
	lane chan struct{}
}

// Write implements tables.Database. ctx bounds the wait for a connection, and for the
// next try; a transaction that runs is not interrupted, so that "cancelled" never means
// "perhaps committed". That remains open only when the connection breaks during the
// commit, which is an error to try again: the change is then asked about what came of
// it.
func (e *engine) Write(ctx context.Context, change func(context.Context, tables.Statements) error) error {
	err := e.transact(ctx, beginWrite, change)
	for try := 2; again(err) && try <= maxTries; try++ {
		if stop := e.pause(ctx, try); stop != nil {
			return fmt.Errorf("%w while waiting for other transactions: %w", stop, classify(err))
		}
		err = e.transact(ctx, beginWrite, change)
		<-e.lane
	}
	return classify(err)
}

// pause waits a random time that grows with the tries, and for the lane.
func (e *engine) pause(ctx context.Context, try int) error {
	longest := min(firstPause<<(try-2), maxPause)
	timer := time.NewTimer(time.Duration(e.random() * float64(longest)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case e.lane <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Read implements tables.Database.
func (e *engine) Read(ctx context.Context, look func(context.Context, tables.Statements) error) error {
	return classify(e.transact(ctx, beginRead, look))
}

func (e *engine) transact(ctx context.Context, begin string, do func(context.Context, tables.Statements) error) error {
	pooled, err := e.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer pooled.Release() // a connection in an open transaction is closed by this
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	tx := &transaction{conn: pooled.Conn()}
	if _, err := tx.conn.Exec(ctx, begin); err != nil {
		return err
	}
	err = do(ctx, tx)
	if err == nil {
		err = tx.commit(ctx)
	}
	if err != nil && !tx.conn.IsClosed() {
		// When this fails, too, Release closes the connection, which rolls back as well.
		_, _ = tx.conn.Exec(ctx, `ROLLBACK`)
	}
	return err
}

// transaction keeps statements back until somebody must know what they did.
type transaction struct {
	conn    *pgx.Conn
	waiting pgx.Batch
}

// Exec implements tables.Statements.
func (t *transaction) Exec(_ context.Context, statement string, args ...any) error {
	t.waiting.Queue(statement, args...)
	return nil
}

// Query implements tables.Statements.
func (t *transaction) Query(ctx context.Context, each func(scan func(...any) error) error, query string, args ...any) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	rows, err := t.conn.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// flush sends what was kept back. The server stops at the first statement that fails.
func (t *transaction) flush(ctx context.Context) error {
	if t.waiting.Len() == 0 {
		return nil
	}
	batch := t.waiting
	t.waiting = pgx.Batch{}
	return t.conn.SendBatch(ctx, &batch).Close()
}

func (t *transaction) commit(ctx context.Context) error {
	t.waiting.Queue(`COMMIT`)
	return t.flush(ctx)
}
