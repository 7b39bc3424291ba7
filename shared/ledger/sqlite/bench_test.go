package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger/ledgertest"
	"github.com/usher365/usher/shared/ledger/tables"
	queuesqlite "github.com/usher365/usher/shared/queue/sqlite"
)

func openBench(b *testing.B) *database.DB {
	db, err := database.Open(b.Context(), database.Options{Path: filepath.Join(b.TempDir(), "usher.db")})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	return db
}

func BenchmarkLedger(b *testing.B) {
	db := openBench(b)
	q, err := queuesqlite.New(b.Context(), db, queuesqlite.Options{})
	require.NoError(b, err)
	defer q.Close() // nobody consumes
	l, err := New(b.Context(), db, q)
	require.NoError(b, err)
	ledgertest.Benchmark(b, l)
}

func BenchmarkLedgerWithOutbox(b *testing.B) {
	l, err := NewWithOutbox(b.Context(), openBench(b), tables.OutboxOptions{Sender: ledgertest.Nowhere{}})
	require.NoError(b, err)
	ledgertest.Benchmark(b, l)
}
