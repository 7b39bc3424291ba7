// Package database opens the embedded database that the ledger and the queue share,
// so that a step's record and the commands that follow it are one transaction.
//
// One process owns the file: it is locked while open. All writing goes through one
// connection, one transaction at a time; reading on disk does not wait for it.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Memory is the path of a database that lives and dies with its DB.
const Memory = ":memory:"

// ErrClosed says that the database was closed by us.
var ErrClosed = errors.New("database: closed")

// Options say which database to open.
type Options struct {
	// Path is the file, or Memory. The directory is made when it is missing.
	Path string
	// Relaxed flushes to the disk at checkpoints only (synchronous NORMAL): faster, and
	// a power cut may lose the latest commits, though never the database. A crash of the
	// process loses nothing either way.
	Relaxed bool
}

// DB is an open database.
type DB struct {
	path   string
	writer *sql.DB
	// reader is the writer itself for a database in memory.
	reader *sql.DB
	lock   *flock.Flock
	closed atomic.Bool
}

// readers is how many reading transactions run at once.
const readers = 4

// Open opens the database and makes it when it is missing. It fails with
// ledger.ErrLocked while another process has it open, and with ledger.ErrCorrupt,
// leaving the file untouched, when it is damaged or not ours.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Path == Memory {
		return openMemory(ctx)
	}
	d := &DB{path: o.Path}
	if err := d.openFile(ctx, o); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func openMemory(ctx context.Context) (*DB, error) {
	pool, err := sql.Open("sqlite", Memory+"?_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open a database in memory: %w", err)
	}
	pool.SetMaxOpenConns(1)
	d := &DB{path: Memory, writer: pool, reader: pool}
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open a database in memory: %w", err), d.Close())
	}
	return d, nil
}

func (d *DB) openFile(ctx context.Context, o Options) (err error) {
	if err := makeDirectory(d.path); err != nil {
		return err
	}
	if d.lock, err = takeLock(d.path); err != nil {
		return err
	}
	if err := prepare(ctx, d.path); err != nil {
		return err
	}
	sync := "FULL"
	if o.Relaxed {
		sync = "NORMAL"
	}
	write := url.Values{"_txlock": {"immediate"}, "_journal_mode": {"WAL"}, "_synchronous": {sync}, "_busy_timeout": {"5000"}}
	if d.writer, err = openPool(d.path, write, 1); err != nil {
		return err
	}
	if err := d.check(ctx); err != nil {
		return err
	}
	d.reader, err = openPool(d.path, url.Values{"mode": {"ro"}, "_busy_timeout": {"5000"}}, readers)
	return err
}

func openPool(path string, query url.Values, size int) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

// check looks through the whole file for damage.
func (d *DB) check(ctx context.Context) error {
	var verdict string
	if err := d.writer.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return d.classify(err)
	}
	if verdict != "ok" {
		return damaged(d.path, errors.New(verdict))
	}
	return nil
}

// Close ends every connection and lets go of the file.
func (d *DB) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	var errs []error
	if d.reader != nil && d.reader != d.writer {
		errs = append(errs, d.reader.Close())
	}
	if d.writer != nil {
		errs = append(errs, d.writer.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

// Write runs change in a writing transaction: committed when change returns nil, else
// rolled back and the error returned as it is. ctx bounds the wait for the transaction
// only; once begun it is not interrupted, so that "cancelled" never means "perhaps
// committed". change must not use the database other than through tx.
func (d *DB) Write(ctx context.Context, change func(ctx context.Context, tx *sql.Tx) error) error {
	return d.transact(ctx, d.writer, false, change)
}

// Read runs look in a reading transaction: everything it sees is of one moment.
// Keep it short, for in memory it holds up the writer; and look must not use the
// database other than through tx.
func (d *DB) Read(ctx context.Context, look func(ctx context.Context, tx *sql.Tx) error) error {
	return d.transact(ctx, d.reader, true, look)
}

func (d *DB) transact(ctx context.Context, pool *sql.DB, readOnly bool, do func(context.Context, *sql.Tx) error) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return d.classify(err)
	}
	defer conn.Close() // gives the connection back to the pool
	whole := context.WithoutCancel(ctx)
	tx, err := conn.BeginTx(whole, &sql.TxOptions{ReadOnly: readOnly})
	if err != nil {
		return d.classify(err)
	}
	defer tx.Rollback() // does nothing after a commit
	if err := do(whole, tx); err != nil {
		return d.classify(err)
	}
	return d.classify(tx.Commit())
}
