package tenanttest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Users are the operations on accounts that every implementation must keep.
type Users interface {
	User(ctx context.Context, t account.TenantID, name string) (account.User, error)
	CreateUser(ctx context.Context, t account.TenantID, u account.NewUser) (account.User, error)
	SetEnabled(ctx context.Context, t account.TenantID, id string, enabled bool) error
	RevokeSessions(ctx context.Context, t account.TenantID, id string) error
	DeleteUser(ctx context.Context, t account.TenantID, id string) error
}

// Deleted are the operations on deleted accounts, and the list of the living.
type Deleted interface {
	DeletedUser(ctx context.Context, t account.TenantID, id string) (account.User, error)
	RestoreUser(ctx context.Context, t account.TenantID, id string) error
	PurgeUser(ctx context.Context, t account.TenantID, id string) error
	UserPage(ctx context.Context, t account.TenantID, cursor string) (page []account.User, next string, err error)
}

// Roles are the operations on directory roles.
type Roles interface {
	RoleAssignments(ctx context.Context, t account.TenantID, principal string) ([]account.RoleAssignment, error)
	RoleHolders(ctx context.Context, t account.TenantID, role string) ([]account.RoleAssignment, error)
	AssignRole(ctx context.Context, t account.TenantID, principal, role string) (string, error)
	RemoveRoleAssignment(ctx context.Context, t account.TenantID, id string) error
}

// RoleGroups are the operations on Exchange role groups.
type RoleGroups interface {
	IsRoleGroupMember(ctx context.Context, t account.TenantID, group string, m account.Member) (bool, error)
	AddRoleGroupMember(ctx context.Context, t account.TenantID, group string, m account.Member) error
	RemoveRoleGroupMember(ctx context.Context, t account.TenantID, group string, m account.Member) error
	HoldersOf(ctx context.Context, t account.TenantID, group string, of ...account.Member) ([]bool, error)
}

// Harness is a tenant under test.
type Harness struct {
	Users
	Deleted
	Roles
	RoleGroups
	Tenant account.TenantID
	// Name is a user principal name that is free, on the initial domain.
	Name string
	// Until repeats look until it says true, as long as this tenant's replication may take.
	Until func(t *testing.T, look func() bool)
}

const (
	lifecycleRole  = "f023fd81-a637-4b56-95fd-791ac0226033"
	lifecycleGroup = "View-Only Organization Management"
)

// Lifecycle makes an account, gives it rights, takes everything away again, twice
// each, and leaves nothing behind.
func Lifecycle(t *testing.T, h Harness) {
	l := &lifecycle{T: t, Harness: h, ctx: context.Background()}
	l.create()
	l.grant()
	l.revoke()
	l.delete()
	l.restoreAndPurge()
}

type lifecycle struct {
	*testing.T
	Harness
	ctx  context.Context
	user account.User
}

func (l *lifecycle) member() account.Member {
	return account.Member{ObjectID: l.user.ObjectID, UserPrincipalName: l.user.UserPrincipalName}
}

func (l *lifecycle) until(look func() bool) { l.Helper(); l.Until(l.T, look) }

func (l *lifecycle) create() {
	_, err := l.User(l.ctx, l.Tenant, l.Name)
	require.Equal(l, fault.UserNotFound, fault.CodeOf(err), "the name is free")
	n := account.NewUser{
		UserPrincipalName: l.Name, MailNickname: "lifecycle", DisplayName: "Lifecycle", PasswordNeverExpires: true,
		Password: account.NewSecret("aA3-" + time.Now().Format("20060102150405.000000000") + "-zZ9"), Stamp: account.StampOf("req-lifecycle"),
	}
	l.user, err = l.CreateUser(l.ctx, l.Tenant, n)
	require.NoError(l, err)
	_, err = l.CreateUser(l.ctx, l.Tenant, n)
	assert.Equal(l, fault.NameTaken, fault.CodeOf(err))
	l.until(func() bool {
		found, err := l.User(l.ctx, l.Tenant, l.user.ObjectID)
		return err == nil && found.Enabled && found.Stamp == n.Stamp && !found.Synced
	})
	l.until(func() bool {
		u, listed := l.listed()
		return listed && assert.Empty(l, u.Licenses)
	})
}

// listed looks for the account in the list of all.
func (l *lifecycle) listed() (account.User, bool) {
	for cursor, more := "", true; more; more = cursor != "" {
		var page []account.User
		var err error
		page, cursor, err = l.UserPage(l.ctx, l.Tenant, cursor)
		require.NoError(l, err)
		for _, u := range page {
			if u.ObjectID == l.user.ObjectID {
				return u, true
			}
		}
	}
	return account.User{}, false
}

func (l *lifecycle) grant() {
	l.until(func() bool {
		_, err := l.AssignRole(l.ctx, l.Tenant, l.user.ObjectID, lifecycleRole)
		return err == nil || fault.Is(err, fault.RoleConflict)
	})
	_, err := l.AssignRole(l.ctx, l.Tenant, l.user.ObjectID, "00000000-0000-0000-0000-000000000bad")
	assert.Equal(l, fault.RoleNotFound, fault.CodeOf(err))
	l.until(func() bool {
		held, err := l.RoleAssignments(l.ctx, l.Tenant, l.user.ObjectID)
		return err == nil && len(held) == 1 && held[0].RoleID == lifecycleRole && held[0].Scope == "/"
	})
	err = l.AddRoleGroupMember(l.ctx, l.Tenant, "No Such Role Group", l.member())
	assert.Equal(l, fault.RoleGroupNotFound, fault.CodeOf(err))
	l.until(func() bool {
		err := l.AddRoleGroupMember(l.ctx, l.Tenant, lifecycleGroup, l.member())
		return err == nil || !assert.Equal(l, fault.ExchangeNotReplicated, fault.CodeOf(err))
	})
	require.NoError(l, l.AddRoleGroupMember(l.ctx, l.Tenant, lifecycleGroup, l.member()), "twice is no error")
	l.until(func() bool {
		is, err := l.IsRoleGroupMember(l.ctx, l.Tenant, lifecycleGroup, l.member())
		return err == nil && is
	})
	held, err := l.HoldersOf(l.ctx, l.Tenant, lifecycleGroup, account.Member{ObjectID: "00000000-0000-0000-0000-00000000dead", UserPrincipalName: "nobody" + l.Name}, l.member())
	require.NoError(l, err)
	assert.Equal(l, []bool{false, true}, held)
}

func (l *lifecycle) revoke() {
	assert.Equal(l, fault.PermissionMissing, fault.CodeOf(l.DeleteUser(l.ctx, l.Tenant, l.user.ObjectID)), "a privileged account is not deleted")
	for range 2 {
		require.NoError(l, l.RemoveRoleGroupMember(l.ctx, l.Tenant, lifecycleGroup, l.member()))
	}
	l.until(func() bool {
		is, err := l.IsRoleGroupMember(l.ctx, l.Tenant, lifecycleGroup, l.member())
		return err == nil && !is
	})
	held, err := l.RoleHolders(l.ctx, l.Tenant, lifecycleRole)
	require.NoError(l, err)
	for _, r := range held {
		if r.PrincipalID == l.user.ObjectID {
			require.NoError(l, l.RemoveRoleAssignment(l.ctx, l.Tenant, r.ID))
			require.NoError(l, l.RemoveRoleAssignment(l.ctx, l.Tenant, r.ID), "twice is no error")
		}
	}
	l.until(func() bool {
		held, err := l.RoleAssignments(l.ctx, l.Tenant, l.user.ObjectID)
		return err == nil && len(held) == 0
	})
}

func (l *lifecycle) delete() {
	l.until(func() bool { return l.SetEnabled(l.ctx, l.Tenant, l.user.ObjectID, false) == nil })
	l.until(func() bool {
		u, err := l.User(l.ctx, l.Tenant, l.user.ObjectID)
		return err == nil && !u.Enabled
	})
	require.NoError(l, l.RevokeSessions(l.ctx, l.Tenant, l.user.ObjectID))
	for range 2 {
		require.NoError(l, l.DeleteUser(l.ctx, l.Tenant, l.user.ObjectID))
	}
	l.until(func() bool {
		u, err := l.DeletedUser(l.ctx, l.Tenant, l.user.ObjectID)
		return err == nil && u.ObjectID == l.user.ObjectID
	})
}

func (l *lifecycle) restoreAndPurge() {
	require.NoError(l, l.RestoreUser(l.ctx, l.Tenant, l.user.ObjectID))
	l.until(func() bool {
		u, err := l.User(l.ctx, l.Tenant, l.user.ObjectID)
		return err == nil && u.UserPrincipalName == l.Name
	})
	require.NoError(l, l.DeleteUser(l.ctx, l.Tenant, l.user.ObjectID))
	l.until(func() bool { return l.PurgeUser(l.ctx, l.Tenant, l.user.ObjectID) == nil })
	l.until(func() bool {
		_, err := l.DeletedUser(l.ctx, l.Tenant, l.user.ObjectID)
		return fault.Is(err, fault.UserNotFound)
	})
}
