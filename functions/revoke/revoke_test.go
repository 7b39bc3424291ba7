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
	"github.com/usher365/usher/shared/domainfake"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

const (
	group = "View-Only Organization Management"
	role  = "f023fd81-a637-4b56-95fd-791ac0226033"
	upn   = "svc@contoso.onmicrosoft.com"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

type bench struct {
	tenant *tenanttest.Memory
	domain *domainfake.Domain
	task   step.Task[events.RevokeArgs]
}

// setup gives an account with one role and one role group, as an onboarding leaves it.
func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{tenant: tenanttest.NewMemory(), domain: domainfake.New()}
	id := b.tenant.Put(account.User{UserPrincipalName: upn, Enabled: true, Stamp: "usher:req-1"})
	assignment, err := b.tenant.AssignRole(context.Background(), "tid", id, role)
	require.NoError(t, err)
	require.NoError(t, b.tenant.AddRoleGroupMember(context.Background(), "tid", group, account.Member{ObjectID: id, UserPrincipalName: upn}))
	b.task = step.Task[events.RevokeArgs]{
		Account: account.Account{ObjectID: id, UserPrincipalName: upn, RequestID: "req-1", Origin: account.Created, TriedAt: now.Add(-time.Hour), Grants: []account.Grant{
			{Kind: account.DirectoryRole, Target: role, Name: "Service Support Administrator", AssignmentID: assignment, State: account.GrantGiven, Ours: true},
			{Kind: account.RoleGroup, Target: group, Name: group, State: account.GrantGiven, Ours: true},
		}},
		Request: account.Request{CreatedAt: now.Add(-time.Hour)},
		Tenant:  account.Tenant{ID: "tid"}, Now: now, Step: account.Step{FirstSeen: now},
	}
	return b
}

func (b *bench) once(part events.RevokePart, target string) (step.Result, error) {
	b.task.Args = events.RevokeArgs{Part: part, Target: target, Name: target, ForReset: b.task.Args.ForReset}
	res, err := revoke.New(revoke.Options{
		Users: b.tenant, Deleted: b.tenant, Roles: b.tenant, RoleGroups: b.tenant, OnPremises: b.domain, Limits: policy.Builtin().Limits,
	}).Handle(context.Background(), b.task)
	if res.Learn != nil {
		res.Learn(&b.task.Account)
	}
	return res, err
}

// run is once, and again at once when the handler asks for it, as the runner does.
func (b *bench) run(part events.RevokePart, target string) (step.Result, error) {
	res, err := b.once(part, target)
	if err == nil && res.Again {
		return b.once(part, target)
	}
	return res, err
}

type part struct {
	part   events.RevokePart
	target string
}

var inOrder = []part{
	{events.RevokeRoleGroup, group}, {events.RevokeRole, role}, {events.RevokeEnabled, ""},
	{events.RevokeSessions, ""}, {events.RevokeAccount, ""},
}

func TestRevokeAndRestore(t *testing.T) {
	b := setup(t)
	ctx := context.Background()
	for _, p := range inOrder {
		_, err := b.run(p.part, p.target)
		require.NoError(t, err, p.part)
	}
	assert.Empty(t, b.tenant.Members(group))
	_, err := b.tenant.User(ctx, "tid", upn)
	assert.Equal(t, fault.UserNotFound, fault.CodeOf(err))
	for _, g := range b.task.Account.Grants {
		assert.Equal(t, account.GrantTaken, g.State, "the snapshot for undo is kept")
	}
	for _, p := range inOrder {
		_, err := b.run(p.part, p.target)
		require.NoError(t, err, "twice is success too: %s", p.part)
	}
	_, err = b.run(events.RestoreAccount, "")
	require.NoError(t, err)
	_, err = b.run(events.RestoreEnabled, "")
	require.NoError(t, err)
	user, err := b.tenant.User(ctx, "tid", upn)
	require.NoError(t, err)
	assert.True(t, user.Enabled)
	assert.Equal(t, b.task.Account.ObjectID, user.ObjectID)
}

func TestPurge(t *testing.T) {
	b := setup(t)
	for _, p := range append(inOrder, part{events.RevokeForGood, ""}) {
		_, err := b.run(p.part, p.target)
		require.NoError(t, err, p.part)
	}
	b.task.Step.FirstSeen = now.Add(-time.Hour)
	_, err := b.run(events.RestoreAccount, "")
	assert.Equal(t, fault.RestoreWindowOver, fault.CodeOf(err))
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*bench)
		part   part
		code   fault.Code
	}{
		"Protected":              {func(b *bench) { b.task.Tenant.Protected = []string{b.task.Account.ObjectID} }, inOrder[0], fault.AccountProtected},
		"Held":                   {func(b *bench) { b.task.Account.Hold = account.Hold{Reason: "federation in use"} }, inOrder[0], fault.AccountHeld},
		"AdoptedIsNeverDisabled": {func(b *bench) { b.task.Account.Origin = account.Adopted }, inOrder[2], fault.AccountProtected},
		"AdoptedIsNeverDeleted":  {func(b *bench) { b.task.Account.Origin = account.Adopted }, inOrder[4], fault.AccountProtected},
		"UnknownPart":            {func(*bench) {}, part{"everything", ""}, fault.MalformedCommand},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			tt.change(b)
			before := len(b.tenant.Calls())
			_, err := b.run(tt.part.part, tt.part.target)
			assert.Equal(t, tt.code, fault.CodeOf(err))
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
			assert.Len(t, b.tenant.Calls(), before, "nothing was touched")
		})
	}
}

func TestAHoldDoesNotStopCompensation(t *testing.T) {
	b := setup(t)
	b.task.Account.Hold = account.Hold{Reason: "federation in use"}
	b.task.Step.Compensates = true
	_, err := b.run(events.RevokeRoleGroup, group)
	require.NoError(t, err)
}

func TestTwoGlobalAdministratorsStay(t *testing.T) {
	b := setup(t)
	makeAdmin := func(id string) {
		_, err := b.tenant.AssignRole(context.Background(), "tid", id, account.GlobalAdministrator)
		require.NoError(t, err)
	}
	makeAdmin(b.task.Account.ObjectID)
	for range 2 {
		_, err := b.run(events.RevokeRole, account.GlobalAdministrator)
		assert.Equal(t, fault.LastGlobalAdmin, fault.CodeOf(err))
		makeAdmin(b.tenant.Put(account.User{UserPrincipalName: "break-glass@contoso.onmicrosoft.com"}))
	}
	_, err := b.run(events.RevokeRole, account.GlobalAdministrator)
	require.NoError(t, err)
	_, err = b.run(events.RevokeRole, account.GlobalAdministrator)
	require.NoError(t, err, "who holds it no more is not counted")
}

func TestAGlobalAdministratorWhoKeepsTheRoleIsGuardedToo(t *testing.T) {
	b := setup(t)
	id, err := b.tenant.AssignRole(context.Background(), "tid", b.task.Account.ObjectID, account.GlobalAdministrator)
	require.NoError(t, err)
	b.task.Account.Grants = append(b.task.Account.Grants, account.Grant{
		Kind: account.DirectoryRole, Target: account.GlobalAdministrator, AssignmentID: id, State: account.GrantGiven, Ours: true,
	})
	for _, part := range []events.RevokePart{events.RevokeEnabled, events.RevokeSessions, events.RevokeAccount} {
		_, err := b.run(part, "")
		assert.Equal(t, fault.LastGlobalAdmin, fault.CodeOf(err), part)
	}
}

func TestARoleWhoseGrantReplyWasLostIsFoundByTheRefusal(t *testing.T) {
	b := setup(t)
	b.task.Account.Grants[0].AssignmentID, b.task.Account.Grants[0].State = "", account.GrantPlanned
	_, err := b.run(events.RevokeEnabled, "")
	assert.Equal(t, fault.UserStillPrivileged, fault.CodeOf(err))
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	_, err = b.run(events.RevokeEnabled, "")
	require.NoError(t, err, "the refusal made it take the role away")
}

func TestAPermissionThatIsReallyMissingIsSaidInTheEnd(t *testing.T) {
	b := setup(t)
	b.tenant.Before = func(op string) error {
		if op == "SetEnabled" {
			return fault.Stopf(fault.PermissionMissing, "User.ReadWrite.All")
		}
		return nil
	}
	b.task.Step.FirstSeen = now.Add(-11 * time.Minute)
	_, err := b.run(events.RevokeEnabled, "")
	assert.Equal(t, fault.PermissionMissing, fault.CodeOf(err))
}

func TestAnUnconfirmedAccountIsLookedFor(t *testing.T) {
	unconfirmed := func(t *testing.T) *bench {
		b := setup(t)
		b.task.Account.ObjectID = ""
		return b
	}
	t.Run("FoundByItsStamp", func(t *testing.T) {
		b := unconfirmed(t)
		res, err := b.once(events.RevokeEnabled, "")
		require.NoError(t, err)
		assert.True(t, res.Again)
		assert.NotEmpty(t, b.task.Account.ObjectID)
	})
	t.Run("AForeignOneIsLeftAlone", func(t *testing.T) {
		b := unconfirmed(t)
		b.task.Account.RequestID = "req-2"
		res, err := b.run(events.RevokeAccount, "")
		require.NoError(t, err)
		assert.Contains(t, res.Detail, "not ours")
		_, err = b.tenant.User(context.Background(), "tid", upn)
		require.NoError(t, err)
	})
	t.Run("MayStillTurnUp", func(t *testing.T) {
		b := unconfirmed(t)
		b.task.Account.UserPrincipalName = "other@contoso.onmicrosoft.com"
		b.task.Account.TriedAt = now.Add(-time.Second)
		_, err := b.run(events.RevokeAccount, "")
		assert.Equal(t, fault.UserNotReadable, fault.CodeOf(err))
		b.task.Account.TriedAt = now.Add(-time.Hour)
		_, err = b.run(events.RevokeAccount, "")
		require.NoError(t, err)
	})
}

func TestARoleGivenMomentsAgoIsBelievedAbsentOnlyIfItWasSeen(t *testing.T) {
	hide := func(b *bench) {
		require.NoError(t, b.tenant.RemoveRoleAssignment(context.Background(), "tid", b.task.Account.Grants[0].AssignmentID))
	}
	t.Run("NeverSeen", func(t *testing.T) {
		b := setup(t)
		hide(b) // a replica does not show it yet
		b.task.Account.TriedAt = now.Add(-time.Minute)
		_, err := b.run(events.RevokeRole, role)
		assert.Equal(t, fault.RoleStillListed, fault.CodeOf(err))
		b.task.Now = now.Add(time.Hour)
		_, err = b.run(events.RevokeRole, role)
		require.NoError(t, err)
	})
	t.Run("SeenBeforeItWasRemoved", func(t *testing.T) {
		b := setup(t)
		b.task.Account.TriedAt = now.Add(-time.Minute)
		res, err := b.once(events.RevokeRole, role)
		require.NoError(t, err)
		assert.True(t, res.Again, "that it was seen is on record before it goes")
		hide(b) // removed by an attempt that died before it could say so
		_, err = b.once(events.RevokeRole, role)
		require.NoError(t, err)
		assert.Equal(t, account.GrantTaken, b.task.Account.Grants[0].State)
	})
}

// oldUser shows an account as it was before a change that is being taken back.
type oldUser struct {
	*tenanttest.Memory
	user account.User
}

func (o oldUser) User(context.Context, account.TenantID, string) (account.User, error) {
	return o.user, nil
}

func TestWhatShowsMayBeFromBeforeTheChange(t *testing.T) {
	b := setup(t)
	require.NoError(t, b.tenant.RemoveRoleAssignment(t.Context(), "tid", b.task.Account.Grants[0].AssignmentID))
	before, err := b.tenant.User(t.Context(), "tid", upn)
	require.NoError(t, err)
	handle := func(part events.RevokePart) error {
		b.task.Args = events.RevokeArgs{Part: part}
		_, err := revoke.New(revoke.Options{Users: oldUser{b.tenant, before}, Deleted: b.tenant, Roles: b.tenant, RoleGroups: b.tenant}).Handle(t.Context(), b.task)
		return err
	}
	require.NoError(t, b.tenant.SetEnabled(t.Context(), "tid", before.ObjectID, false))
	require.NoError(t, handle(events.RestoreEnabled))
	now, err := b.tenant.User(t.Context(), "tid", upn)
	require.NoError(t, err)
	assert.True(t, now.Enabled)

	require.NoError(t, b.tenant.DeleteUser(t.Context(), "tid", before.ObjectID))
	require.NoError(t, handle(events.RestoreAccount))
	_, err = b.tenant.User(t.Context(), "tid", upn)
	require.NoError(t, err, "it is there again")

	err = handle(events.RestoreAccount)
	assert.Equal(t, fault.UserNotReadable, fault.CodeOf(err), "the deletion may be on its way")
	b.task.Now = b.task.Now.Add(time.Minute)
	require.NoError(t, handle(events.RestoreAccount), "there was nothing to restore")
}

// What comes between a new password and the role's return must know that it is not there.
func TestARoleTakenForAMomentIsNotDoneWith(t *testing.T) {
	b := setup(t)
	b.task.Args.ForReset, b.task.Request.ID = true, "req-2"
	res, err := b.run(events.RevokeRole, role)
	require.NoError(t, err)
	assert.Equal(t, role+" taken away", res.Detail)
	assert.Equal(t, account.GrantLeaving, b.task.Account.Grants[0].State)
	assert.Empty(t, b.task.Account.Grants[0].AssignmentID)
}

func TestDeletedByHand(t *testing.T) {
	b := setup(t)
	for _, r := range b.task.Account.Grants[:1] {
		require.NoError(t, b.tenant.RemoveRoleAssignment(context.Background(), "tid", r.AssignmentID))
	}
	require.NoError(t, b.tenant.DeleteUser(context.Background(), "tid", b.task.Account.ObjectID))
	for _, p := range inOrder {
		_, err := b.run(p.part, p.target)
		require.NoError(t, err, p.part)
	}
}

func TestAFailedReadIsNoProofOfAbsence(t *testing.T) {
	b := setup(t)
	b.tenant.Before = func(op string) error {
		if op == "User" || op == "IsRoleGroupMember" || op == "RoleAssignments" {
			return errors.New("timeout")
		}
		return nil
	}
	for _, p := range inOrder {
		_, err := b.run(p.part, p.target)
		assert.Error(t, err, p.part)
	}
}

func TestATimeBoundRoleIsEndedEarly(t *testing.T) {
	b := setup(t)
	b.tenant.Licensed = true
	b.task.Account.Grants[0].Until = now.AddDate(0, 0, 30)
	_, err := b.run(events.RevokeRole, role)
	require.NoError(t, err)
	assert.Contains(t, b.tenant.Calls(), "EndRole")
	assert.NotContains(t, b.tenant.Calls(), "RemoveRoleAssignment")
	assert.Zero(t, b.task.Account.Grants[0].Until)
}

// A licence that ran out leaves assignments standing that can be removed directly only.
func TestATimeBoundRoleIsTakenAwayWithoutItsLicence(t *testing.T) {
	b := setup(t)
	b.task.Account.Grants[0].Until = now.AddDate(0, 0, 30)
	_, err := b.run(events.RevokeRole, role)
	require.NoError(t, err)
	held, err := b.tenant.RoleAssignments(context.Background(), "tid", b.task.Account.ObjectID)
	require.NoError(t, err)
	assert.Empty(t, held)
}

func TestATimeBoundRoleThatWasMadeMomentsAgoIsEndedLater(t *testing.T) {
	b := setup(t)
	b.tenant.Licensed = true
	b.task.Account.Grants[0].Until = now.AddDate(0, 0, 30)
	b.task.Account.Grants[0].State = account.GrantLeaving
	early := true
	b.tenant.Before = func(op string) error {
		if op == "EndRole" && early {
			early = false
			return fault.NotReadyf(fault.RoleStillListed, "five minutes at least")
		}
		return nil
	}
	_, err := b.once(events.RevokeRole, role)
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	_, err = b.run(events.RevokeRole, role)
	require.NoError(t, err)
}
