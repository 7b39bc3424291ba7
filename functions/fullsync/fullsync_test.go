package fullsync_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/sqlite"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

// outbox remembers what the ledger sends.
type outbox struct{ sent []queue.Message }

func (o *outbox) EnqueueTx(_ context.Context, _ *sql.Tx, _ string, msgs ...queue.Message) error {
	o.sent = append(o.sent, msgs...)
	return nil
}

func (o *outbox) Wake() {}

// desk remembers whose time it was told is over.
type desk struct {
	expired []string
	how     []events.Offboard
	synced  []string
	err     error
}

func (d *desk) Expire(_ context.Context, a account.Account, _ string, how events.Offboard) error {
	d.expired, d.how = append(d.expired, a.ID), append(d.how, how)
	return d.err
}

func (d *desk) SyncTargets(_ context.Context, a account.Account) error {
	d.synced = append(d.synced, a.ID)
	return d.err
}

type bench struct {
	tenant *tenanttest.Memory
	ledger *sqlite.Ledger
	outbox *outbox
	desk   *desk
	task   step.Task[events.FullSyncArgs]
	// domains are looked at when they are set.
	domains fullsync.Domains
}

func setup(t *testing.T) *bench {
	t.Helper()
	ctx := context.Background()
	db, err := database.Open(ctx, database.Options{Path: ":memory:"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	b := &bench{tenant: tenanttest.NewMemory(), outbox: &outbox{}, desk: &desk{}}
	b.ledger, err = sqlite.New(ctx, db, b.outbox)
	require.NoError(t, err)
	b.task = step.Task[events.FullSyncArgs]{
		Request: account.Request{ID: "sync-1", Action: account.Sync, Tenant: "tid"},
		Tenant:  account.Tenant{ID: "tid", Alias: "contoso"}, Args: events.FullSyncArgs{Run: "sync-1"}, Now: now,
	}
	return b
}

// onboarded puts an account into tenant and ledger as an onboarding leaves it.
func (b *bench) onboarded(t *testing.T, name string, change func(*account.Account)) account.Account {
	t.Helper()
	ctx := context.Background()
	a := promised()
	a.ID, a.Tenant, a.UserPrincipalName, a.RequestID = "acc-"+name, "tid", name+"@contoso.onmicrosoft.com", "req-"+name
	a.ObjectID = b.tenant.Put(account.User{UserPrincipalName: a.UserPrincipalName, Enabled: true, Stamp: account.StampOf(a.RequestID)})
	_, err := b.tenant.AssignRole(ctx, "tid", a.ObjectID, role)
	require.NoError(t, err)
	require.NoError(t, b.tenant.AddRoleGroupMember(ctx, "tid", group, account.Member{ObjectID: a.ObjectID, UserPrincipalName: a.UserPrincipalName}))
	change(&a)
	_, err = b.ledger.Accept(ctx, ledger.Keys{Tenant: "tid", UserPrincipalName: a.UserPrincipalName}, func(ledger.Situation) (ledger.Draft, error) {
		return ledger.Draft{Record: ledger.Record{Account: a, Request: account.Request{
			ID: a.RequestID, Action: account.Onboard, Tenant: "tid", AccountID: a.ID, UserPrincipalName: a.UserPrincipalName, CreatedAt: now.Add(-24 * time.Hour),
			Steps: []account.Step{{Name: "create", Function: events.Create, Title: "Create", State: account.StepDone, FinishedAt: now.Add(-24 * time.Hour)}},
		}}}, nil
	})
	require.NoError(t, err)
	return a
}

func (b *bench) run(t *testing.T) (ledger.SyncRun, error) {
	t.Helper()
	handler := fullsync.New(b.tenant, b.tenant, b.ledger, b.ledger, b.desk, func() time.Time { return b.task.Now })
	handler.Operators, handler.Domains, handler.Consents = []string{operators}, b.domains, elsewhere{b.tenant}
	_, failed := handler.Handle(context.Background(), b.task)
	runs, err := b.ledger.Runs(context.Background(), "tid", 1)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	return runs[0], failed
}

// inventory stores an inventory of n users, as another run does.
func (b *bench) inventory(t *testing.T, run string, n int) {
	t.Helper()
	inv, err := b.ledger.BeginInventory(context.Background(), "tid", run)
	require.NoError(t, err)
	var users []account.User
	for i := range n {
		users = append(users, account.User{ObjectID: fmt.Sprint("u", i)})
	}
	require.NoError(t, b.ledger.AddToInventory(context.Background(), inv, users))
	_, _, err = b.ledger.FinishInventory(context.Background(), inv)
	require.NoError(t, err)
}

func nothing(*account.Account) {}

func TestASyncOfATenantAsPromised(t *testing.T) {
	b := setup(t)
	b.onboarded(t, "one", nothing)
	run, err := b.run(t)
	require.NoError(t, err)
	assert.Empty(t, run.Findings)
	assert.Equal(t, 1, run.Users)
	assert.Equal(t, 1, run.Accounts)
	assert.Empty(t, b.outbox.sent)
}

func TestDriftIsRecordedAndNothingIsRepaired(t *testing.T) {
	b := setup(t)
	ctx := context.Background()
	gone := b.onboarded(t, "gone", nothing)
	stripped := b.onboarded(t, "stripped", nothing)
	for _, a := range []account.Account{gone, stripped} {
		held, err := b.tenant.RoleAssignments(ctx, "tid", a.ObjectID)
		require.NoError(t, err)
		require.NoError(t, b.tenant.RemoveRoleAssignment(ctx, "tid", held[0].ID))
	}
	require.NoError(t, b.tenant.DeleteUser(ctx, "tid", gone.ObjectID))
	run, err := b.run(t)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{fullsync.AccountMissing, fullsync.RoleMissing}, kinds(run.Findings))
	lines, err := b.ledger.Timeline(ctx, "sync-1")
	require.NoError(t, err)
	assert.Len(t, lines, 2, "one audit entry per finding")
}

func TestExpiredAccountsAreOffboarded(t *testing.T) {
	b := setup(t)
	b.onboarded(t, "old", func(a *account.Account) { a.ExpiresAt = now.Add(-time.Hour) })
	b.onboarded(t, "young", func(a *account.Account) { a.ExpiresAt = now.Add(time.Hour) })
	_, err := b.run(t)
	require.NoError(t, err)
	assert.Equal(t, []string{"acc-old"}, b.desk.expired)
}

// One that may not be touched keeps no other from its end, and is on the report.
func TestAnExpiredAccountThatMustStayIsTold(t *testing.T) {
	for state, told := range map[account.AccountState][]string{
		account.AccountActive:  {fullsync.AccountExpired, fullsync.AccountExpired},
		account.AccountPlanned: {fullsync.AccountHalfMade, fullsync.AccountHalfMade, fullsync.AccountExpired, fullsync.AccountExpired},
	} {
		for _, code := range []fault.Code{fault.AccountHeld, fault.AccountProtected} {
			b := setup(t)
			b.desk.err = fault.Stopf(code, "not to be touched")
			for _, name := range []string{"one", "two"} {
				b.onboarded(t, name, func(a *account.Account) { a.State, a.ExpiresAt = state, now.Add(-time.Hour) })
			}
			run, err := b.run(t)
			require.NoError(t, err)
			assert.Equal(t, told, kinds(run.Findings), "%s %s", state, code)
			assert.ElementsMatch(t, []string{"acc-one", "acc-two"}, b.desk.expired)
		}
	}
}

func TestTheBrakeWithholdsRemovals(t *testing.T) {
	t.Run("ManyAccountsGone", func(t *testing.T) {
		b := setup(t)
		for i := range 12 {
			b.onboarded(t, fmt.Sprint("svc", i), func(a *account.Account) { a.ObjectID = fmt.Sprint("nowhere-", i) })
		}
		b.onboarded(t, "old", func(a *account.Account) { a.ExpiresAt = now.Add(-time.Hour) })
		run, err := b.run(t)
		require.NoError(t, err)
		assert.Contains(t, run.Withheld, "12 of 13 accounts")
		assert.Empty(t, b.desk.expired)
	})
	t.Run("ManyUsersGone", func(t *testing.T) {
		b := setup(t)
		b.inventory(t, "sync-0", 100)
		b.onboarded(t, "old", func(a *account.Account) { a.ExpiresAt = now.Add(-time.Hour) })
		run, err := b.run(t)
		require.NoError(t, err)
		assert.Contains(t, run.Withheld, "99 of 100 users")
		assert.Empty(t, b.desk.expired)
	})
	for _, op := range []string{"UserPage", "RoleAssignmentPage", "HoldersOf"} {
		t.Run("ReadErrorIn"+op, func(t *testing.T) {
			b := setup(t)
			b.onboarded(t, "old", func(a *account.Account) { a.ExpiresAt = now.Add(-time.Hour) })
			b.tenant.Before = func(asked string) error {
				if asked == op {
					return errors.New("timeout")
				}
				return nil
			}
			run, err := b.run(t)
			require.Error(t, err)
			assert.Contains(t, run.Error, "timeout")
			assert.NotEmpty(t, run.Withheld)
			assert.Empty(t, b.desk.expired)
		})
	}
}

func TestALostCommandIsSentAgainOnce(t *testing.T) {
	b := setup(t)
	ctx := context.Background()
	a := b.onboarded(t, "stuck", nothing)
	require.NoError(t, b.ledger.Update(ctx, a.RequestID, func(rec *ledger.Record) error {
		rec.Request.Steps = append(rec.Request.Steps, account.Step{
			Name: "assignrole", Function: events.AssignRole, Title: "Assign", Args: []byte(`{}`), State: account.StepPending, Attempt: 1})
		return nil
	}))
	run, err := b.run(t)
	require.NoError(t, err)
	assert.Equal(t, []string{fullsync.CommandLost}, kinds(run.Findings))
	require.Len(t, b.outbox.sent, 1)
	assert.Equal(t, "req-stuck/assignrole/3", b.outbox.sent[0].ID, "under an id the lost command cannot have had")
	_, err = b.run(t)
	require.NoError(t, err)
	assert.Len(t, b.outbox.sent, 1)
}
