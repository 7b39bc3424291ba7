// Package ledgertest is what every ledger engine must do: the contract of package
// ledger as tests. An engine's own test opens the engine and calls Run.
package ledgertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

// Ledger is an engine under test.
type Ledger interface {
	Writer
	Reader
	AuditLog
	Appender
	SyncBook
	Notes
	NoticeBook
}

// Writer changes requests and accounts.
type Writer interface {
	Accept(ctx context.Context, keys ledger.Keys, decide func(ledger.Situation) (ledger.Draft, error)) (ledger.Verdict, error)
	Update(ctx context.Context, requestID string, change func(*ledger.Record) error) error
}

// Reader reads them.
type Reader interface {
	Request(ctx context.Context, id string) (account.Request, error)
	Requests(ctx context.Context, f ledger.Filter) ([]account.Request, error)
	Account(ctx context.Context, id string) (account.Account, error)
	Accounts(ctx context.Context, f ledger.Filter) ([]account.Account, error)
}

// AuditLog reads and checks the audit chains.
type AuditLog interface {
	Timeline(ctx context.Context, requestID string) ([]ledger.Entry, error)
	AuditTenants(ctx context.Context) ([]account.TenantID, error)
	Verify(ctx context.Context, tenant account.TenantID) (entries int64, head string, err error)
}

// Appender adds to the audit chains.
type Appender interface {
	Append(ctx context.Context, entries ...ledger.Entry) error
}

// SyncBook keeps what the nightly sync found.
type SyncBook interface {
	SaveRun(ctx context.Context, run ledger.SyncRun) error
	Runs(ctx context.Context, tenant account.TenantID, limit int) ([]ledger.SyncRun, error)
	BeginInventory(ctx context.Context, tenant account.TenantID, run string) (ledger.Inventory, error)
	AddToInventory(ctx context.Context, inv ledger.Inventory, users []account.User) error
	FinishInventory(ctx context.Context, inv ledger.Inventory) (count, licensed int, err error)
}

// Notes keeps small values.
type Notes interface {
	SetNote(ctx context.Context, key string, value []byte) error
	Note(ctx context.Context, key string) ([]byte, error)
	SwapNote(ctx context.Context, key string, old, value []byte) (bool, error)
}

// NoticeBook keeps notices.
type NoticeBook interface {
	Raise(ctx context.Context, notices ...ledger.Notice) (fresh int, err error)
	Clear(ctx context.Context, key string, at time.Time) (cleared bool, err error)
	UpdateNotice(ctx context.Context, key string, change func(*ledger.Notice) error) error
	Notices(ctx context.Context, f ledger.NoticeFilter) ([]ledger.Notice, error)
}

// Harness is an open engine and what can be done to it from outside.
type Harness struct {
	Ledger
	// Sent lists the ids of the messages that lie in the queue, in the order of sending.
	Sent func() []string
	// RefuseMessages makes sending fail from now on.
	RefuseMessages func(error)
	// Tamper changes a tenant's audit chain behind the ledger's back.
	Tamper func(account.TenantID, Tampering)
	// Reopen closes the engine and opens it again, as another process would. Nil when
	// nothing outlives the engine.
	Reopen func() Ledger
	// Shared says that other processes may use the database, so that leases outlive the engine.
	Shared bool
}

// Tampering is something that somebody does to a chain of five entries.
type Tampering int

const (
	// ChangeEntry alters the text of entry 3.
	ChangeEntry Tampering = iota
	// RemoveEntry removes entry 3.
	RemoveEntry
	// SwapEntries lets entries 3 and 4 change places, sequence numbers included.
	SwapEntries
	// CutTail removes the entries 4 and 5.
	CutTail
	// CutAll removes every entry.
	CutAll
)

// TamperStatements are how to do it in the tables of shared/ledger/tables, with the
// tenant as the parameter.
var TamperStatements = map[Tampering][]string{
	ChangeEntry: {`UPDATE audit_entries SET body = 'nothing happened' WHERE tenant = $1 AND seq = 3`},
	RemoveEntry: {`DELETE FROM audit_entries WHERE tenant = $1 AND seq = 3`},
	SwapEntries: {
		`UPDATE audit_entries SET seq = 99 WHERE tenant = $1 AND seq = 3`,
		`UPDATE audit_entries SET seq = 3 WHERE tenant = $1 AND seq = 4`,
		`UPDATE audit_entries SET seq = 4 WHERE tenant = $1 AND seq = 99`,
	},
	CutTail: {`DELETE FROM audit_entries WHERE tenant = $1 AND seq > 3`},
	CutAll:  {`DELETE FROM audit_entries WHERE tenant = $1`},
}

// testCase is one rule of the contract.
type testCase struct {
	name string
	run  func(b *bench)
}

// Run checks every rule. open opens an empty engine that is closed when the test ends.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, some := range [][]testCase{accepting(), updating(), auditing(), syncing(), inventories(), listing(), noticing()} {
		for _, c := range some {
			t.Run(c.name, func(t *testing.T) { c.run(&bench{t, open(t)}) })
		}
	}
}

// bench is where one case runs.
type bench struct {
	*testing.T
	Harness
}

const contoso account.TenantID = "11111111-1111-1111-1111-111111111111"

// epoch is when things happen in these tests.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

const svcScan = "svc-scan@contoso.onmicrosoft.com"

func keys(delivery, business string) ledger.Keys {
	return ledger.Keys{Delivery: delivery, Business: business, Tenant: contoso, UserPrincipalName: svcScan, Action: account.Onboard}
}

// draft is an onboarding with its account, a line in the audit log, and a message.
func draft(id string) ledger.Draft {
	return ledger.Draft{Record: ledger.Record{
		Request: account.Request{
			ID: id, Action: account.Onboard, Tenant: contoso, AccountID: "acc-" + id,
			UserPrincipalName: svcScan, CreatedAt: epoch, Steps: []account.Step{{Name: "create", Function: "create", State: account.StepPending}},
		},
		Account: account.Account{
			ID: "acc-" + id, Tenant: contoso, UserPrincipalName: svcScan, RequestID: id,
			State: account.AccountPlanned, CreatedAt: epoch,
		},
		Audit: []ledger.Entry{entry("request.accepted", id)},
		Send:  []ledger.Outgoing{{Queue: "create", Message: queue.Message{ID: id + "/create/1", Body: []byte("{}")}}},
	}}
}

func entry(kind, request string) ledger.Entry {
	return ledger.Entry{Tenant: contoso, At: epoch, Kind: kind, RequestID: request, Actor: "intake", Text: "text of " + kind}
}

// always is a decision that does not look.
func always(d ledger.Draft) func(ledger.Situation) (ledger.Draft, error) {
	return func(ledger.Situation) (ledger.Draft, error) { return d, nil }
}

// accept stores a draft that must be new.
func (b *bench) accept(k ledger.Keys, d ledger.Draft) account.Request {
	b.Helper()
	v, err := b.Accept(b.Context(), k, always(d))
	require.NoError(b, err)
	require.False(b, v.Duplicate)
	return v.Request
}

func (b *bench) request(id string) account.Request {
	b.Helper()
	r, err := b.Request(b.Context(), id)
	require.NoError(b, err)
	return r
}

func (b *bench) account(id string) account.Account {
	b.Helper()
	a, err := b.Account(b.Context(), id)
	require.NoError(b, err)
	return a
}

// nothing checks that the ledger is as empty as on the first day.
func (b *bench) nothing() {
	b.Helper()
	requests, err := b.Requests(b.Context(), ledger.Filter{})
	require.NoError(b, err)
	require.Empty(b, requests)
	accounts, err := b.Accounts(b.Context(), ledger.Filter{})
	require.NoError(b, err)
	require.Empty(b, accounts)
	tenants, err := b.AuditTenants(b.Context())
	require.NoError(b, err)
	require.Empty(b, tenants)
	require.Empty(b, b.Sent())
}
