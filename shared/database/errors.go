package database

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// primary masks the extended part of a result code away (sqlite.org/rescode.html).
const primary = 0xff

// classify says what a driver's error means; every other error goes through as it is.
func (d *DB) classify(err error) error {
	if err == nil {
		return nil
	}
	if d.closed.Load() {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	foreign, ok := errors.AsType[*sqlite.Error](err)
	if !ok || errors.Is(err, ledger.ErrCorrupt) {
		return err
	}
	if _, done := errors.AsType[*fault.Error](err); done {
		return err
	}
	switch foreign.Code() & primary {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged(d.path, err)
	case sqlite3.SQLITE_FULL:
		return unavailable("database %s: the disk is full, free some space: %w", d.path, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR:
		return unavailable("database %s cannot be written, look at the disk and at who owns the file: %w", d.path, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return unavailable("database %s is held by another program, close it: %w", d.path, err)
	default:
		return err
	}
}

func unavailable(format string, args ...any) error {
	return fault.Retry(fault.LedgerUnavailable, 0, fmt.Errorf(format, args...))
}

// damaged names the file, what is wrong, and the way out.
func damaged(path string, why error) error {
	return fault.Stop(fault.LedgerUnavailable, fmt.Errorf(
		"%s: %w: %w; nothing was written to it: restore a backup, or move the file away to begin with an empty database",
		path, ledger.ErrCorrupt, why))
}
