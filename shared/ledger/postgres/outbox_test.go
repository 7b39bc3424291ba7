package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger/ledgertest"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue/sqlite"
)

func TestOutbox(t *testing.T) {
	ledgertest.RunOutbox(t, func(t *testing.T) ledgertest.OutboxHarness {
		url := fresh(t)
		return ledgertest.OutboxHarness{
			Process: func(o tables.OutboxOptions) *tables.OutboxLedger { return open(t, url, o).OutboxLedger },
			Waiting: func() int { return count(t, url, "outbox") },
		}
	})
}

// TestInFrontOfTheEmbeddedQueue is PostgreSQL without a namespace.
func TestInFrontOfTheEmbeddedQueue(t *testing.T) {
	db, err := database.Open(t.Context(), database.Options{Path: database.Memory})
	require.NoError(t, err)
	defer db.Close() // in memory
	q, err := sqlite.New(t.Context(), db, sqlite.Options{})
	require.NoError(t, err)
	defer q.Close() // it has none
	url := fresh(t)
	accept(t, process(t, url, nil), "r1") // a process that died before it sent
	l := process(t, url, q)
	accept(t, l, "r2")
	require.NoError(t, l.Flush(t.Context()))
	require.NoError(t, l.Flush(t.Context()))
	depth, err := q.Depth(t.Context(), "create")
	require.NoError(t, err)
	require.Equal(t, 2, depth.Active)
	require.Zero(t, count(t, url, "outbox"))
}
