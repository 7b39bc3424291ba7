package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/ledgertest"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/postgrestest"
	"github.com/usher365/usher/shared/queue"
)

// post is a queue: it keeps ids in the order of sending, and drops what it had before.
type post struct {
	mu     sync.Mutex
	ids    []string
	sends  int
	refuse func(id string) error
}

func (p *post) Enqueue(_ context.Context, _ string, msgs ...queue.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range msgs {
		if p.refuse == nil {
			break
		}
		if err := p.refuse(m.ID); err != nil {
			return err
		}
	}
	p.sends++
	for _, m := range msgs {
		if !slices.Contains(p.ids, m.ID) {
			p.ids = append(p.ids, m.ID)
		}
	}
	return nil
}

func (p *post) sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ids)
}

// database gives a URL with tables.
func database(t testing.TB) string { return migrated(t, postgrestest.Schema(t)) }

func migrated(t testing.TB, url string) string {
	_, err := Migrate(t.Context(), url, false)
	require.NoError(t, err)
	return url
}

// process opens the ledger as one more process.
func process(t testing.TB, url string, sender Sender) *Ledger {
	l, err := Open(t.Context(), Options{URL: url, Sender: sender, Observe: func(err error) { assert.NoError(t, err) }})
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
		url, queue := database(t), &post{}
		l := process(t, url, queue)
		refusing := &refusing{Engine: l.engine}
		return ledgertest.Harness{
			Ledger:         &Ledger{tables.New(refusing), l.engine},
			Sent:           queue.sent,
			RefuseMessages: func(err error) { refusing.err = err },
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

// refusing is an engine whose transactions can be made to take no message.
type refusing struct {
	tables.Engine
	err error
}

func (r *refusing) Write(ctx context.Context, change func(context.Context, tables.Tx) error) error {
	return r.Engine.Write(ctx, func(ctx context.Context, tx tables.Tx) error { return change(ctx, refusingTx{tx, r.err}) })
}

type refusingTx struct {
	tables.Tx
	err error
}

func (t refusingTx) Send(ctx context.Context, messages ...ledger.Outgoing) error {
	if t.err != nil {
		return t.err
	}
	return t.Tx.Send(ctx, messages...)
}

var errDown = errors.New("the queue is down")
