package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger/ledgertest"
	queuesqlite "github.com/usher365/usher/shared/queue/sqlite"
)

func BenchmarkLedger(b *testing.B) {
	db, err := database.Open(b.Context(), database.Options{Path: filepath.Join(b.TempDir(), "usher.db")})
	require.NoError(b, err)
	defer db.Close() // the directory goes with it
	q, err := queuesqlite.New(b.Context(), db, queuesqlite.Options{})
	require.NoError(b, err)
	defer q.Close() // nothing was sent
	l, err := New(b.Context(), db, q)
	require.NoError(b, err)
	ledgertest.Benchmark(b, l)
}
