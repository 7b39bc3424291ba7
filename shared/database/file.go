package database

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

const (
	directoryMode = 0o700
	fileMode      = 0o600
)

// The first bytes of a database file (sqlite.org/fileformat.html, section 1.3).
const (
	headerSize = 100
	magic      = "SQLite format 3\x00"
	// idOffset is where the application id lies, four bytes, big end first.
	idOffset = 68
	// applicationID marks a database as ours ("Ushr").
	applicationID = 0x55736872
)

func makeDirectory(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, directoryMode); err != nil {
		return unwritable(dir, err)
	}
	return nil
}

func unwritable(dir string, err error) error {
	return fault.Stop(fault.LedgerUnavailable, fmt.Errorf(
		"data directory %s cannot be written: %w; give a directory that this user may write to, or change its owner", dir, err))
}

// takeLock keeps a second process off the database.
func takeLock(path string) (*flock.Flock, error) {
	lock := flock.New(path+".lock", flock.SetPermissions(fileMode))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, unwritable(filepath.Dir(path), err)
	}
	if !locked {
		return nil, fault.Stop(fault.LedgerUnavailable, fmt.Errorf(
			"%s: %w; stop the other usher process, or use another data directory", path, ledger.ErrLocked))
	}
	return lock, nil
}

// prepare makes a new file ours and refuses one that is not, without changing it.
func prepare(ctx context.Context, path string) error {
	header, err := readHeader(path)
	switch {
	case err != nil:
		return unwritable(filepath.Dir(path), err)
	case len(header) == 0:
		return mark(ctx, path)
	case len(header) < headerSize || !bytes.HasPrefix(header, []byte(magic)):
		return damaged(path, errors.New("it is not an SQLite database"))
	case binary.BigEndian.Uint32(header[idOffset:]) != applicationID:
		return damaged(path, errors.New("another program made this SQLite database"))
	}
	return nil
}

// readHeader gives the beginning of the file, which it makes when it is missing.
func readHeader(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	header, err := io.ReadAll(io.LimitReader(file, headerSize))
	return header, errors.Join(err, file.Close())
}

// mark writes the application id into an empty file, before anything else and not
// through the write-ahead log, so that the file says whose it is from its first page on.
func mark(ctx context.Context, path string) error {
	pool, err := openPool(path, url.Values{"_synchronous": {"FULL"}}, 1)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	if err := errors.Join(err, pool.Close()); err != nil {
		return unwritable(filepath.Dir(path), err)
	}
	return nil
}
