package database_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// sound gives the bytes of a closed database with some pages of content.
func sound(t *testing.T) []byte {
	path := filepath.Join(t.TempDir(), "usher.db")
	db := open(t, path)
	require.NoError(t, db.Migrate(t.Context(), "test", schema))
	for range 5 {
		require.NoError(t, insert(t.Context(), db, strings.Repeat("x", 5000)))
	}
	require.NoError(t, db.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

// foreign gives an SQLite database of somebody else.
func foreign(t *testing.T) []byte {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE precious (v TEXT)`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

func TestDamagedOrForeignFileIsRefusedAndLeftAlone(t *testing.T) {
	whole := sound(t)
	overwritten := bytes.Clone(whole)
	for i := 4096; i < len(overwritten); i++ {
		overwritten[i] = byte(i)
	}
	for name, content := range map[string][]byte{
		"text":        []byte("this is not a database, and it is longer than the header of one; " + strings.Repeat("x", 100)),
		"short":       []byte("SQLite format 3\x00"),
		"foreign":     foreign(t),
		"cut":         whole[:len(whole)-4096],
		"half a page": whole[:6000],
		"overwritten": overwritten,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usher.db")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			_, err := database.Open(t.Context(), database.Options{Path: path})
			require.ErrorIs(t, err, ledger.ErrCorrupt)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, "restore a backup")
			require.Equal(t, fault.Permanent, fault.ClassOf(err))
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, after), "the file was changed")
		})
	}
}

func TestEmptyFileIsANewDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, open(t, path).Migrate(t.Context(), "test", schema))
}

func TestDamageThatShowsLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	content := sound(t)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	db := open(t, path)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteAt(bytes.Repeat([]byte{0xff}, len(content)-4096), 4096)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	err = db.Read(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		var n int
		return tx.QueryRowContext(ctx, `SELECT sum(length(v)) FROM t`).Scan(&n)
	})
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	require.True(t, fault.Is(err, fault.LedgerUnavailable))
}

func TestUnwritableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, path := range map[string]string{
		"a file is in the way":          filepath.Join(file, "data", "usher.db"),
		"a file instead of a directory": filepath.Join(file, "usher.db"),
		"a kernel directory":            "/proc/usher/usher.db",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := database.Open(t.Context(), database.Options{Path: path})
			require.ErrorContains(t, err, "data directory "+filepath.Dir(path)+" cannot be written")
			require.ErrorContains(t, err, "give a directory that this user may write to")
			require.Equal(t, fault.Permanent, fault.ClassOf(err))
		})
	}
}

func TestDirectoryInPlaceOfTheFile(t *testing.T) {
	path := t.TempDir()
	_, err := database.Open(t.Context(), database.Options{Path: path})
	require.ErrorContains(t, err, path)
}

func TestFullDisk(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "usher.db"))
	require.NoError(t, db.Migrate(t.Context(), "test", schema))
	err := db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `PRAGMA max_page_count = 10`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO t (v) VALUES (?)`, strings.Repeat("x", 1<<20))
		return err
	})
	require.ErrorContains(t, err, "the disk is full")
	require.Equal(t, fault.Transient, fault.ClassOf(err))
	require.Zero(t, count(t, db))
}
