package database_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

var schema = fstest.MapFS{"001_first.sql": {Data: []byte(`CREATE TABLE t (v TEXT NOT NULL); CREATE TABLE u (v TEXT NOT NULL);`)}}

func open(t *testing.T, path string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{Path: path})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func insert(ctx context.Context, db *database.DB, v string) error {
	return db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO t (v) VALUES (?)`, v)
		return err
	})
}

func count(t *testing.T, db *database.DB) (n int) {
	t.Helper()
	require.NoError(t, db.Read(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM t`).Scan(&n)
	}))
	return n
}

// places runs a test in memory and on disk.
func places(t *testing.T, test func(t *testing.T, path string)) {
	t.Run("memory", func(t *testing.T) { test(t, database.Memory) })
	t.Run("disk", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "new", "a b%3F?#.db")) })
}

func TestTransactions(t *testing.T) {
	places(t, func(t *testing.T, path string) {
		db := open(t, path)
		require.NoError(t, db.Migrate(t.Context(), "test", schema))
		require.NoError(t, insert(t.Context(), db, "1"))
		no := errors.New("no")
		require.Same(t, no, db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO t (v) VALUES ('2')`)
			assert.NoError(t, err)
			return no
		}))
		require.Panics(t, func() {
			_ = db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, _ = tx.ExecContext(ctx, `INSERT INTO t (v) VALUES ('3')`)
				panic("boom")
			})
		})
		require.Equal(t, 1, count(t, db))
		require.NoError(t, insert(t.Context(), db, "4"), "a panic does not hold the writer")
	})
}

func TestWritersQueueUp(t *testing.T) {
	places(t, func(t *testing.T, path string) {
		db := open(t, path)
		require.NoError(t, db.Migrate(t.Context(), "test", schema))
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { assert.NoError(t, insert(t.Context(), db, "x")) })
		}
		all.Wait()
		require.Equal(t, 20, count(t, db))
	})
}

func TestACallerGivesUpOnlyBeforeTheTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t, database.Memory)
		require.NoError(t, db.Migrate(t.Context(), "test", schema))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		waiting := make(chan error, 1)
		require.NoError(t, db.Write(ctx, func(inside context.Context, tx *sql.Tx) error {
			go func() { waiting <- insert(ctx, db, "never") }()
			time.Sleep(time.Hour)
			_, err := tx.ExecContext(inside, `INSERT INTO t (v) VALUES ('late')`)
			return err
		}))
		require.ErrorIs(t, <-waiting, context.DeadlineExceeded)
		require.Equal(t, 1, count(t, db))
	})
}

func TestReadersDoNotWaitOnDisk(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "usher.db"))
	require.NoError(t, db.Migrate(t.Context(), "test", schema))
	require.NoError(t, db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO t (v) VALUES ('1')`)
		require.Zero(t, count(t, db), "not committed yet")
		return err
	}))
	require.Equal(t, 1, count(t, db))
	err := db.Read(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO t (v) VALUES ('2')`)
		return err
	})
	require.Error(t, err, "readers cannot write")
}

func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	more := fstest.MapFS{"001_first.sql": schema["001_first.sql"], "002_second.sql": {Data: []byte(`ALTER TABLE t ADD COLUMN w TEXT`)}}
	broken := fstest.MapFS{
		"001_first.sql": schema["001_first.sql"], "002_second.sql": more["002_second.sql"],
		"003_third.sql": {Data: []byte(`DROP TABLE u; CREATE TABEL x`)},
	}
	db := open(t, path)
	for _, dir := range []fstest.MapFS{schema, schema, more, more} {
		require.NoError(t, db.Migrate(t.Context(), "test", dir))
	}
	require.ErrorContains(t, db.Migrate(t.Context(), "test", broken), "003_third.sql")
	require.NoError(t, db.Migrate(t.Context(), "test", more), "a failed migration leaves the version as it was")
	require.NoError(t, db.Migrate(t.Context(), "other", fstest.MapFS{}))
	require.NoError(t, db.Close())

	db = open(t, path)
	err := db.Migrate(t.Context(), "test", schema)
	require.ErrorContains(t, err, "newer version of usher (test 2, this one knows 1)")
	require.NoError(t, db.Read(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `SELECT w FROM t, u`)
		return err
	}), "the third was rolled back whole")
}

func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	db := open(t, filepath.Join(dir, "usher.db"))
	require.NoError(t, db.Migrate(t.Context(), "test", schema))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 4, "the database, its log, its index, and the lock")
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	first := open(t, path)
	_, err := database.Open(t.Context(), database.Options{Path: path})
	require.ErrorIs(t, err, ledger.ErrLocked)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "stop the other usher process")
	require.Equal(t, fault.Permanent, fault.ClassOf(err))
	require.NoError(t, first.Close())
	open(t, path)
}

func TestClosed(t *testing.T) {
	places(t, func(t *testing.T, path string) {
		db := open(t, path)
		require.NoError(t, db.Close())
		require.NoError(t, db.Close())
		require.ErrorIs(t, insert(t.Context(), db, "x"), database.ErrClosed)
	})
}
