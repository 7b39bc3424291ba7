package assignrole_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

const role = "f023fd81-a637-4b56-95fd-791ac0226033"

// tenant is what the handler calls.
type directory interface {
	assignrole.Directory
	assignrole.Schedules
}

func handler(t directory) *assignrole.Handler {
	return assignrole.New(assignrole.Options{Directory: t, Schedules: t, Limits: policy.Builtin().Limits})
}

func setup(t *testing.T) (*tenanttest.Memory, step.Task[events.AssignRoleArgs]) {
	t.Helper()
	tenant := tenanttest.NewMemory()
	id := tenant.Put(account.User{UserPrincipalName: "svc@contoso.onmicrosoft.com"})
	return tenant, step.Task[events.AssignRoleArgs]{
		Account: account.Account{ObjectID: id, UserPrincipalName: "svc@contoso.onmicrosoft.com",
			Grants: []account.Grant{{Kind: account.DirectoryRole, Target: role, State: account.GrantPlanned, Ours: true}}},
		Tenant: account.Tenant{ID: "tid"},
		Args:   events.AssignRoleArgs{RoleID: role, Role: "Service Support Administrator"},
	}
}

// fail makes one operation fail while times is not used up.
func fail(op string, times int, err error) func(string) error {
	return func(asked string) error {
		if asked != op || times == 0 {
			return nil
		}
		times--
		return err
	}
}

func TestAssignRole(t *testing.T) {
	lost := errors.New("connection lost")
	for name, tt := range map[string]struct {
		before, after func(string) error
		code          fault.Code
		class         fault.Class
	}{
		"OK":                   {},
		"PrincipalNotReadable": {before: fail("AssignRole", 1, fault.NotReadyf(fault.UserNotReadable, "replicating")), code: fault.UserNotReadable, class: fault.Waiting},
		"RoleUnknown":          {before: fail("AssignRole", 1, fault.Stopf(fault.RoleNotFound, "no such role")), code: fault.RoleNotFound, class: fault.Permanent},
		"ReplyLost":            {after: fail("AssignRole", 1, lost), code: fault.Unexpected, class: fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			tenant, task := setup(t)
			tenant.Before, tenant.After = tt.before, tt.after
			res, err := handler(tenant).Handle(context.Background(), task)
			if tt.code != "" {
				assert.Equal(t, tt.code, fault.CodeOf(err))
				assert.Equal(t, tt.class, fault.ClassOf(err))
				res, err = handler(tenant).Handle(context.Background(), task)
			}
			require.NoError(t, err, "the next attempt succeeds")
			res.Learn(&task.Account)
			assert.Equal(t, account.GrantGiven, task.Account.Grants[0].State)
			held, err := tenant.RoleAssignments(context.Background(), "tid", task.Account.ObjectID)
			require.NoError(t, err)
			require.Len(t, held, 1)
			assert.Equal(t, held[0].ID, task.Account.Grants[0].AssignmentID)
		})
	}
}

func TestAssignedAlreadyIsDoneOnlyWhenReadBack(t *testing.T) {
	tenant, task := setup(t)
	_, err := tenant.AssignRole(context.Background(), "tid", task.Account.ObjectID, role)
	require.NoError(t, err)
	stale := 2
	reader := &staleList{Memory: tenant, stale: &stale}
	_, err = handler(reader).Handle(context.Background(), task)
	assert.Equal(t, fault.RoleNotVisible, fault.CodeOf(err), "a conflict alone is no proof")
	res, err := handler(reader).Handle(context.Background(), task)
	require.NoError(t, err)
	assert.Equal(t, "Service Support Administrator assigned", res.Detail)
}

// staleList lists nothing for a while.
type staleList struct {
	*tenanttest.Memory
	stale *int
}

func (s *staleList) RoleAssignments(ctx context.Context, t account.TenantID, p string) ([]account.RoleAssignment, error) {
	if *s.stale > 0 {
		*s.stale--
		return nil, nil
	}
	return s.Memory.RoleAssignments(ctx, t, p)
}

// A role that was taken for a new password is given anew, though a list shows it still.
func TestARoleThatWasTakenIsNotBelievedToShow(t *testing.T) {
	tenant, task := setup(t)
	_, err := tenant.AssignRole(context.Background(), "tid", task.Account.ObjectID, role)
	require.NoError(t, err)
	task.Account.Grants[0].State = account.GrantLeaving
	asked := false
	tenant.Before = func(op string) error { asked = asked || op == "AssignRole"; return nil }
	res, err := handler(tenant).Handle(context.Background(), task)
	require.NoError(t, err)
	res.Learn(&task.Account)
	assert.True(t, asked)
	assert.Equal(t, account.GrantGiven, task.Account.Grants[0].State)
}

func TestAssignRoleWithoutAnAccountStops(t *testing.T) {
	tenant, task := setup(t)
	task.Account.ObjectID = ""
	_, err := handler(tenant).Handle(context.Background(), task)
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	assert.Empty(t, tenant.Calls())
}

func TestTheNumberOfGlobalAdministratorsIsGuarded(t *testing.T) {
	for name, tt := range map[string]struct {
		others int
		code   fault.Code
	}{"TooFew": {1, fault.GlobalAdminCount}, "Enough": {2, ""}, "RoomForOne": {7, ""}, "TooMany": {8, fault.GlobalAdminCount}} {
		t.Run(name, func(t *testing.T) {
			tenant, task := setup(t)
			task.Args = events.AssignRoleArgs{RoleID: account.GlobalAdministrator, Role: "Global Administrator"}
			for range tt.others {
				_, err := tenant.AssignRole(context.Background(), "tid", tenant.Put(account.User{}), account.GlobalAdministrator)
				require.NoError(t, err)
			}
			for range 2 { // the second time it is there already
				_, err := handler(tenant).Handle(context.Background(), task)
				if tt.code == "" {
					require.NoError(t, err)
					continue
				}
				assert.Equal(t, tt.code, fault.CodeOf(err))
				assert.Equal(t, fault.Permanent, fault.ClassOf(err))
			}
		})
	}
}

func TestNothingIsAssignedWhenTheAdministratorsCannotBeCounted(t *testing.T) {
	tenant, task := setup(t)
	task.Args = events.AssignRoleArgs{RoleID: account.GlobalAdministrator, Role: "Global Administrator"}
	tenant.Before = fail("RoleHolders", 1, errors.New("no answer"))
	_, err := handler(tenant).Handle(context.Background(), task)
	require.ErrorContains(t, err, "count the Global Administrators")
	assert.NotContains(t, tenant.Calls(), "AssignRole")
}

var (
	now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	end = now.AddDate(0, 0, 30)
)

// bound gives a task for a role that is to end by itself.
func bound(t *testing.T, licensed bool) (*tenanttest.Memory, step.Task[events.AssignRoleArgs]) {
	tenant, task := setup(t)
	tenant.Licensed, task.Now, task.Args.Until = licensed, now, end
	return tenant, task
}

// try handles the task once and keeps what was learned.
func try(d directory, task *step.Task[events.AssignRoleArgs]) (step.Result, error) {
	res, err := handler(d).Handle(context.Background(), *task)
	if res.Learn != nil {
		res.Learn(&task.Account)
	}
	return res, err
}

func TestARoleEndsByItself(t *testing.T) {
	tenant, task := bound(t, true)
	res, err := try(tenant, &task)
	require.NoError(t, err)
	assert.Equal(t, "Service Support Administrator assigned until 2026-12-22 00:00:00", res.Detail)
	assert.Equal(t, end, task.Account.Grants[0].Until)
	for range 2 {
		_, err = try(tenant, &task)
		require.NoError(t, err, "and again does no harm")
	}
}

func TestARoleWithoutALicenceIsMarked(t *testing.T) {
	tenant, task := bound(t, false)
	for range 2 {
		res, err := try(tenant, &task)
		require.NoError(t, err)
		assert.Contains(t, res.Detail, "the tenant has no licence")
		assert.Contains(t, task.Account.Grants[0].Detail, "without an end")
		assert.Zero(t, task.Account.Grants[0].Until)
		assert.Equal(t, account.GrantGiven, task.Account.Grants[0].State)
	}
}

func TestALostReplyOfATimeBoundRole(t *testing.T) {
	tenant, task := bound(t, true)
	tenant.After = fail("SetRoleEnd", 1, errors.New("connection lost"))
	_, err := try(tenant, &task)
	require.Error(t, err)
	_, err = try(tenant, &task)
	require.NoError(t, err)
	assert.Equal(t, end, task.Account.Grants[0].Until, "it was read back")
}

func TestTheEndIsMoved(t *testing.T) {
	tenant, task := bound(t, true)
	_, err := try(tenant, &task)
	require.NoError(t, err)
	task.Args.Until = end.AddDate(0, 0, 10)
	_, err = try(tenant, &task)
	assert.Equal(t, fault.RoleNotVisible, fault.CodeOf(err), "it is read back before it is believed")
	_, err = try(tenant, &task)
	require.NoError(t, err)
	assert.Equal(t, task.Args.Until, task.Account.Grants[0].Until)

	task.Account.Grants[0].Ours = false
	task.Args.Until = end
	_, err = try(tenant, &task)
	require.NoError(t, err)
	assert.NotEqual(t, end, task.Account.Grants[0].Until, "what is not ours is left alone")
}

func TestNoRoleAfterTheEnd(t *testing.T) {
	tenant, task := bound(t, true)
	task.Now = end
	_, err := try(tenant, &task)
	assert.Equal(t, fault.RequestExpired, fault.CodeOf(err))
	assert.NotContains(t, tenant.Calls(), "AssignRoleUntil")
}

func TestAnEndThatCannotBeReadIsNoEnd(t *testing.T) {
	tenant, task := bound(t, true)
	tenant.Before = fail("RoleEnd", 1, errors.New("no answer"))
	_, err := try(tenant, &task)
	require.ErrorContains(t, err, "read when")
	_, err = try(tenant, &task)
	require.NoError(t, err)
}
