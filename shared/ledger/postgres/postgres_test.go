package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger/ledgertest"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/postgrestest"
)

// fresh gives a URL with tables.
func fresh(t testing.TB) string { return migrated(t, postgrestest.Schema(t)) }

func migrated(t testing.TB, url string) string {
	_, err := Migrate(t.Context(), url, false)
	require.NoError(t, err)
	return url
}

// process opens the ledger as one more process.
func process(t testing.TB, url string, sender tables.Sender) *Ledger {
	return open(t, url, tables.OutboxOptions{Sender: sender, Observe: func(err error) { assert.NoError(t, err) }})
}

func open(t testing.TB, url string, o tables.OutboxOptions) *Ledger {
	l, err := Open(t.Context(), Options{URL: url, Sender: o.Sender, Observe: o.Observe})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// execute runs a statement behind the ledger's back.
func execute(t testing.TB, url, statement string, args ...any) {
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context()) // the statement has answered
	_, err = conn.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
}

// count counts the rows of a table.
func count(t testing.TB, url, table string) (n int) {
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context()) // the statement has answered
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
	return n
}

func TestConformance(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Harness {
		url, queue := fresh(t), &ledgertest.Post{}
		full := &ledgertest.Full{Database: process(t, url, queue).engine}
		return ledgertest.Harness{
			Ledger:         tables.NewWithOutbox(full, tables.OutboxOptions{Sender: queue}),
			Sent:           queue.Sent,
			RefuseMessages: func(err error) { full.Err = err },
			Tamper: func(tenant account.TenantID, how ledgertest.Tampering) {
				for _, statement := range ledgertest.TamperStatements[how] {
					execute(t, url, statement, tenant)
				}
			},
			Shared: true,
			Reopen: func() ledgertest.Ledger { return process(t, url, queue) },
		}
	})
}
