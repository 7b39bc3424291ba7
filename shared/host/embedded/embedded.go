// Package embedded opens the engines that need nothing installed: ledger and queue in
// one SQLite file, for one process.
package embedded

import (
	"context"
	"errors"
	"fmt"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/ledger"
	ledgersqlite "github.com/usher365/usher/shared/ledger/sqlite"
	"github.com/usher365/usher/shared/queue"
	queuesqlite "github.com/usher365/usher/shared/queue/sqlite"
)

// Open opens the database at path, or the configured one where path is empty. A second
// process gets ledger.ErrLocked.
func Open(ctx context.Context, o host.Options, path string) (*host.Engines, error) {
	o = o.WithDefaults()
	if path == "" {
		path = o.Config.DatabasePath()
	}
	db, err := Database(ctx, path)
	if err != nil {
		return nil, err
	}
	messages, err := queuesqlite.New(ctx, db, queuesqlite.Options{Now: o.Now, Observe: host.Warn[queue.Incident](o.Log, "queue")})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the queue: %w", err), db.Close())
	}
	closeAll := func() error { return errors.Join(messages.Close(), db.Close()) }
	books, err := ledgersqlite.New(ctx, db, messages)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the ledger: %w", err), closeAll())
	}
	return host.New(o, host.Stores{Queue: messages, Ledger: books.Ledger, Close: closeAll})
}

// Database opens an SQLite file for this process alone.
func Database(ctx context.Context, path string) (*database.DB, error) {
	db, err := database.Open(ctx, database.Options{Path: path})
	if errors.Is(err, ledger.ErrLocked) {
		return nil, fmt.Errorf("%w (the embedded engine serves one process; run every function in one with 'usher serve')", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	return db, nil
}
