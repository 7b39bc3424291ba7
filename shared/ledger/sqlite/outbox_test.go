package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger/ledgertest"
	"github.com/usher365/usher/shared/ledger/tables"
)

// boxed is an open database whose ledgers have an outbox.
type boxed struct {
	*testing.T
	path string
	db   *database.DB
}

func openBoxed(t *testing.T, path string) *boxed {
	b := &boxed{T: t, path: path}
	b.open()
	t.Cleanup(func() { require.NoError(t, b.db.Close()) })
	return b
}

func (b *boxed) open() {
	var err error
	b.db, err = database.Open(b.Context(), database.Options{Path: b.path, Relaxed: true})
	require.NoError(b, err)
}

func (b *boxed) process(o tables.OutboxOptions) *tables.OutboxLedger {
	l, err := NewWithOutbox(b.Context(), b.db, o)
	require.NoError(b, err)
	return l
}

func (b *boxed) waiting() (n int) {
	require.NoError(b, b.db.Read(b.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM outbox`).Scan(&n)
	}))
	return n
}

func TestConformanceWithOutbox(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Harness {
		b, queue := openBoxed(t, filepath.Join(t.TempDir(), "usher.db")), &ledgertest.Post{}
		b.process(tables.OutboxOptions{}) // makes the tables
		full := &ledgertest.Full{Database: engine{b.db}}
		return ledgertest.Harness{
			Ledger:         tables.NewWithOutbox(full, tables.OutboxOptions{Sender: queue}),
			Sent:           queue.Sent,
			RefuseMessages: func(err error) { full.Err = err },
			Tamper: func(tenant account.TenantID, how ledgertest.Tampering) {
				for _, statement := range ledgertest.TamperStatements[how] {
					execute(t, b.db, statement, tenant)
				}
			},
			Reopen: func() ledgertest.Ledger {
				require.NoError(t, b.db.Close())
				b.open()
				return b.process(tables.OutboxOptions{Sender: queue})
			},
		}
	})
}

func TestOutbox(t *testing.T) {
	ledgertest.RunOutbox(t, func(t *testing.T) ledgertest.OutboxHarness {
		b := openBoxed(t, database.Memory)
		b.process(tables.OutboxOptions{}) // makes the tables
		return ledgertest.OutboxHarness{Process: b.process, Waiting: b.waiting}
	})
}
