package revoke_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

// targeted is a connection limited to one user of ours and one whom somebody else assigned.
func targeted(t *testing.T) (m *tenanttest.Memory, app string, task step.Task[events.RevokeArgs]) {
	ctx, m := context.Background(), tenanttest.NewMemory()
	require.NoError(t, m.MakeServicePrincipal(ctx, "tid", tenanttest.VendorApp))
	p, _, err := m.ServicePrincipal(ctx, "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	ours, theirs := m.Put(account.User{UserPrincipalName: "adele@contoso.com"}), m.Put(account.User{UserPrincipalName: "lee@contoso.com"})
	for _, id := range []string{ours, theirs} {
		require.NoError(t, m.Assign(ctx, "tid", p.ObjectID, id, account.NoAppRole))
	}
	require.NoError(t, m.RequireAssignment(ctx, "tid", p.ObjectID, true))
	list, err := m.Assignments(ctx, "tid", p.ObjectID)
	require.NoError(t, err)
	before := false
	task.Tenant, task.Now = account.Tenant{ID: "tid"}, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	task.Args = events.RevokeArgs{Part: events.RevokeTargets, Target: tenanttest.VendorApp, Name: "users"}
	task.Account = account.Account{AppID: tenanttest.VendorApp,
		Grants: []account.Grant{{Kind: account.TargetUsers, Target: tenanttest.VendorApp, State: account.GrantGiven, Ours: true}},
		Targets: account.Targets{Mode: account.TargetsChosen, Before: &before, Members: []account.TargetMember{
			{TargetUser: account.TargetUser{ObjectID: ours}, State: account.GrantGiven, Ours: true, AssignmentID: list[0].ID},
			{TargetUser: account.TargetUser{ObjectID: theirs}, State: account.GrantGiven, AssignmentID: list[1].ID},
		}},
	}
	return m, p.ObjectID, task
}

func untarget(t *testing.T, m *tenanttest.Memory, task *step.Task[events.RevokeArgs]) {
	t.Helper()
	for range 20 {
		res, err := revoke.NewTargets(m).Handle(context.Background(), *task)
		if res.Learn != nil {
			res.Learn(&task.Account)
		}
		if err == nil && !res.Again {
			return
		}
	}
	require.Fail(t, "it was never done")
}

func TestUsersAreTakenFromAnApplication(t *testing.T) {
	lost := errors.New("connection lost")
	for n := range 9 {
		for _, after := range []bool{false, true} {
			m, app, task := targeted(t)
			calls := 0
			fail := func(string) error {
				if calls++; calls == n {
					return lost
				}
				return nil
			}
			if m.Before = fail; after {
				m.Before, m.After = nil, fail
			}
			untarget(t, m, &task)
			m.Before, m.After = nil, nil
			left, err := m.Assignments(context.Background(), "tid", app)
			require.NoError(t, err)
			require.Len(t, left, 1, "whom somebody else assigned stays")
			p, _, err := m.ServicePrincipal(context.Background(), "tid", tenanttest.VendorApp)
			require.NoError(t, err)
			assert.False(t, p.AssignmentRequired, "as it was before us")
			assert.Equal(t, account.GrantTaken, task.Account.Grants[0].State)
			assert.Empty(t, task.Account.Targets.Members)
			assert.Equal(t, account.TargetsChosen, task.Account.Targets.Mode, "the choice can be given back")
		}
	}
}

func TestUsersOfAnApplicationThatIsGone(t *testing.T) {
	m, app, task := targeted(t)
	require.NoError(t, m.RemoveServicePrincipal(context.Background(), "tid", app))
	untarget(t, m, &task)
	assert.Equal(t, account.GrantTaken, task.Account.Grants[0].State)
}

func TestAnAssignmentThatNeverShowedMayTurnUp(t *testing.T) {
	m, _, task := targeted(t)
	ghost := m.Put(account.User{UserPrincipalName: "ghost@contoso.com"})
	task.Account.TriedAt = task.Now.Add(-time.Minute)
	task.Account.Targets.Members = append(task.Account.Targets.Members, account.TargetMember{
		TargetUser: account.TargetUser{ObjectID: ghost}, State: account.GrantIntended, Ours: true})
	h := revoke.NewTargets(m)
	res, err := h.Handle(context.Background(), task)
	require.NoError(t, err)
	res.Learn(&task.Account)
	_, err = h.Handle(context.Background(), task)
	assert.True(t, fault.Is(err, fault.ConsentStillListed), err)
	task.Now = task.Now.Add(15 * time.Minute)
	untarget(t, m, &task)
}

func TestAProtectedOrHeldConnectionKeepsItsUsers(t *testing.T) {
	m, _, task := targeted(t)
	task.Account.Hold = account.Hold{Reason: "in use"}
	_, err := revoke.NewTargets(m).Handle(context.Background(), task)
	assert.True(t, fault.Is(err, fault.AccountHeld), err)
	assert.NotContains(t, m.Calls(), "Unassign")
}

func TestRevokePassesPartsOn(t *testing.T) {
	m, app, task := targeted(t)
	h := revoke.New(revoke.Options{Users: m, Deleted: m, Roles: m, RoleGroups: m, Limits: policy.Builtin().Limits}).Pass(revoke.NewTargets(m).Handle, events.RevokeTargets)
	for range 3 {
		res, err := h.Handle(context.Background(), task)
		require.NoError(t, err)
		if res.Learn != nil {
			res.Learn(&task.Account)
		}
	}
	left, err := m.Assignments(context.Background(), "tid", app)
	require.NoError(t, err)
	assert.Len(t, left, 1)
}
