package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/ledgertest"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
	queuesqlite "github.com/usher365/usher/shared/queue/sqlite"
)

func TestConformanceInMemory(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Harness { return open(t, database.Memory).harness() })
}

func TestConformanceOnDisk(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Harness {
		e := open(t, filepath.Join(t.TempDir(), "usher.db"))
		h := e.harness()
		h.Reopen = func() ledgertest.Ledger {
			e.close()
			e.open()
			return e.ledger
		}
		return h
	})
}

// opened is an open ledger over a real queue in the same database.
type opened struct {
	t      *testing.T
	path   string
	db     *database.DB
	ledger *Ledger
	outbox *outbox
}

// outbox is the queue, which can be made to refuse.
type outbox struct {
	*queuesqlite.Queue
	refuse error
}

func (o *outbox) EnqueueTx(ctx context.Context, tx *sql.Tx, name string, msgs ...queue.Message) error {
	if o.refuse != nil {
		return o.refuse
	}
	return o.Queue.EnqueueTx(ctx, tx, name, msgs...)
}

func open(t *testing.T, path string) *opened {
	e := &opened{t: t, path: path}
	e.open()
	t.Cleanup(func() { e.close() })
	return e
}

func (e *opened) open() {
	var err error
	e.db, err = database.Open(e.t.Context(), database.Options{Path: e.path, Relaxed: true})
	require.NoError(e.t, err)
	q, err := queuesqlite.New(e.t.Context(), e.db, queuesqlite.Options{})
	require.NoError(e.t, err)
	e.outbox = &outbox{Queue: q}
	e.ledger, err = New(e.t.Context(), e.db, e.outbox)
	require.NoError(e.t, err)
}

func (e *opened) close() {
	require.NoError(e.t, e.outbox.Close())
	require.NoError(e.t, e.db.Close())
}

func (e *opened) harness() ledgertest.Harness {
	return ledgertest.Harness{
		Ledger:         e.ledger,
		Sent:           e.sent,
		RefuseMessages: func(err error) { e.outbox.refuse = err },
		Tamper:         e.tamper,
	}
}

func (e *opened) sent() (ids []string) {
	require.NoError(e.t, engine{db: e.db}.Read(e.t.Context(), func(ctx context.Context, tx tables.Statements) error {
		return tx.Query(ctx, func(scan func(...any) error) error {
			ids = append(ids, "")
			return scan(&ids[len(ids)-1])
		}, `SELECT id FROM queue_messages ORDER BY seq`)
	}))
	return ids
}

func (e *opened) tamper(tenant account.TenantID, how ledgertest.Tampering) {
	for _, statement := range ledgertest.TamperStatements[how] {
		e.exec(statement, tenant)
	}
}

func (e *opened) exec(statement string, args ...any) { execute(e.t, e.db, statement, args...) }

func execute(t *testing.T, db *database.DB, statement string, args ...any) {
	require.NoError(t, db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	}))
}

func TestVerifyNoticesWhatWasAddedPastTheLedger(t *testing.T) {
	e := open(t, database.Memory)
	require.NoError(t, e.ledger.Append(t.Context(), ledger.Entry{Tenant: "t"}, ledger.Entry{Tenant: "t"}))
	var broken *ledger.BrokenChain
	e.exec(`UPDATE audit_heads SET hash = 'other'`)
	_, _, err := e.ledger.Verify(t.Context(), "t")
	require.ErrorAs(t, err, &broken)
	require.Equal(t, int64(2), broken.Seq)
	e.exec(`UPDATE audit_heads SET seq = 1`)
	_, _, err = e.ledger.Verify(t.Context(), "t")
	require.ErrorAs(t, err, &broken)
	require.Equal(t, int64(2), broken.Seq)
}

func TestAFinishedInventorySweepsWhatIsLeftOver(t *testing.T) {
	e := open(t, database.Memory)
	e.exec(`INSERT INTO inventory_users VALUES ('t', 'of a dead process', 'o', 0, '{}')`)
	inv, err := e.ledger.BeginInventory(t.Context(), "t", "run")
	require.NoError(t, err)
	_, _, err = e.ledger.FinishInventory(t.Context(), inv)
	require.NoError(t, err)
	var left int
	require.NoError(t, e.db.Read(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM inventory_users`).Scan(&left)
	}))
	require.Zero(t, left)
}

func TestUnreadableRowIsCorrupt(t *testing.T) {
	e := open(t, database.Memory)
	for _, table := range []string{"requests", "accounts", "sync_runs"} {
		columns := map[string]string{
			"requests":  `(id, tenant, upn, account_id, action, is_open, created_at, doc) VALUES ('x', '', '', '', '', 1, 0, '{')`,
			"accounts":  `(id, tenant, upn, state, created_at, lease_token, lease_until, doc) VALUES ('x', '', '', '', 0, '', 0, '{')`,
			"sync_runs": `(tenant, request_id, started_at, doc) VALUES ('', 'x', 0, '{')`,
		}
		e.exec(`INSERT INTO ` + table + ` ` + columns[table])
	}
	_, err := e.ledger.Request(t.Context(), "x")
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	_, err = e.ledger.Accounts(t.Context(), ledger.Filter{})
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	_, err = e.ledger.Runs(t.Context(), "", 0)
	require.ErrorIs(t, err, ledger.ErrCorrupt)
}
