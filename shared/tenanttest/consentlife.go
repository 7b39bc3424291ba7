package tenanttest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Applications are the operations on service principals and their application
// permissions that every implementation must keep.
type Applications interface {
	ServicePrincipal(ctx context.Context, t account.TenantID, appID string) (account.ServicePrincipal, bool, error)
	MakeServicePrincipal(ctx context.Context, t account.TenantID, appID string) error
	RemoveServicePrincipal(ctx context.Context, t account.TenantID, principal string) error
	Grants(ctx context.Context, t account.TenantID, principal string) ([]account.AppGrant, error)
	GivePermission(ctx context.Context, t account.TenantID, principal, resource, permission string) error
	WithdrawPermission(ctx context.Context, t account.TenantID, g account.AppGrant) error
}

// Delegations are the operations on delegated permissions.
type Delegations interface {
	DelegatedGrants(ctx context.Context, t account.TenantID, client string) ([]account.DelegatedGrant, error)
	GiveDelegated(ctx context.Context, t account.TenantID, g account.DelegatedGrant) error
	SetScopes(ctx context.Context, t account.TenantID, grantID string, scopes []string) error
	WithdrawDelegated(ctx context.Context, t account.TenantID, grantID string) error
}

// ConsentPolicies are the operations on the admin consent request policy.
type ConsentPolicies interface {
	ConsentPolicy(ctx context.Context, t account.TenantID) (account.ConsentPolicy, error)
	SetConsentPolicy(ctx context.Context, t account.TenantID, want account.ConsentPolicy) (before account.ConsentPolicy, err error)
}

// ConsentHarness is a tenant under test to which a vendor offers VendorApp.
type ConsentHarness struct {
	Applications
	Delegations
	ConsentPolicies
	Tenant account.TenantID
	// User is the object id of a user of the tenant.
	User string
	// Until repeats look until it says true, as long as this tenant's replication may take.
	Until func(t *testing.T, look func() bool)
}

// ConsentLifecycle makes an application known in a tenant, gives it permissions, takes
// them away again, and leaves nothing behind.
func ConsentLifecycle(t *testing.T, h ConsentHarness) {
	l := &consentLife{T: t, ConsentHarness: h, ctx: context.Background()}
	l.make()
	l.permission()
	l.delegated()
	l.remove()
	l.policy()
}

type consentLife struct {
	*testing.T
	ConsentHarness
	ctx      context.Context
	app, api account.ServicePrincipal
}

func (l *consentLife) make() {
	_, there, err := l.ServicePrincipal(l.ctx, l.Tenant, VendorApp)
	require.NoError(l, err)
	require.False(l, there)
	err = l.MakeServicePrincipal(l.ctx, l.Tenant, "00000000-0000-4000-8000-00000000dead")
	require.Equal(l, fault.ApplicationUnknown, fault.CodeOf(err))
	for range 2 {
		require.NoError(l, l.MakeServicePrincipal(l.ctx, l.Tenant, VendorApp), "twice is no error")
	}
	l.Until(l.T, func() bool {
		l.app, there, err = l.ServicePrincipal(l.ctx, l.Tenant, VendorApp)
		return err == nil && there
	})
	l.api, there, err = l.ServicePrincipal(l.ctx, l.Tenant, GraphAPI)
	require.NoError(l, err)
	require.True(l, there)
}

func (l *consentLife) permission() {
	id := l.api.Permissions["Mail.Read"]
	require.NotEmpty(l, id)
	for range 2 {
		l.Until(l.T, func() bool {
			err := l.GivePermission(l.ctx, l.Tenant, l.app.ObjectID, l.api.ObjectID, id)
			return err == nil || !assert.Equal(l, fault.IdentityNotFound, fault.CodeOf(err))
		})
	}
	var held []account.AppGrant
	l.Until(l.T, func() bool {
		var err error
		held, err = l.Grants(l.ctx, l.Tenant, l.app.ObjectID)
		return err == nil && len(held) == 1 && held[0].PermissionID == id
	})
	for range 2 {
		require.NoError(l, l.WithdrawPermission(l.ctx, l.Tenant, held[0]), "twice is no error")
	}
	l.Until(l.T, func() bool {
		held, err := l.Grants(l.ctx, l.Tenant, l.app.ObjectID)
		return err == nil && len(held) == 0
	})
}

func (l *consentLife) delegated() {
	all := account.DelegatedGrant{ClientID: l.app.ObjectID, ResourceID: l.api.ObjectID, Scopes: []string{"Mail.Read"}}
	one := all
	one.UserID = l.User
	for _, g := range []account.DelegatedGrant{all, one} {
		require.NoError(l, l.GiveDelegated(l.ctx, l.Tenant, g))
		assert.Equal(l, fault.ConsentNotVisible, fault.CodeOf(l.GiveDelegated(l.ctx, l.Tenant, g)))
	}
	var held []account.DelegatedGrant
	listed := func(n int) func() bool {
		return func() bool {
			var err error
			held, err = l.DelegatedGrants(l.ctx, l.Tenant, l.app.ObjectID)
			return err == nil && len(held) == n
		}
	}
	l.Until(l.T, listed(2))
	for _, g := range held {
		if g.UserID == "" {
			require.NoError(l, l.SetScopes(l.ctx, l.Tenant, g.ID, []string{"Mail.Read", "offline_access"}))
		} else {
			require.NoError(l, l.WithdrawDelegated(l.ctx, l.Tenant, g.ID))
		}
	}
	l.Until(l.T, func() bool { return listed(1)() && held[0].Holds("offline_access") && held[0].UserID == "" })
	for range 2 {
		require.NoError(l, l.WithdrawDelegated(l.ctx, l.Tenant, held[0].ID), "twice is no error")
	}
	l.Until(l.T, listed(0))
}

func (l *consentLife) remove() {
	for range 2 {
		require.NoError(l, l.RemoveServicePrincipal(l.ctx, l.Tenant, l.app.ObjectID), "twice is no error")
	}
	l.Until(l.T, func() bool {
		_, there, err := l.ServicePrincipal(l.ctx, l.Tenant, VendorApp)
		return err == nil && !there
	})
}

func (l *consentLife) policy() {
	want := account.ConsentPolicy{Enabled: true, Mails: true, Reminders: true, Days: 30, Reviewers: []account.Reviewer{{Kind: account.ReviewerUser, ID: l.User}}}
	first, err := l.SetConsentPolicy(l.ctx, l.Tenant, want)
	require.NoError(l, err)
	require.NotEmpty(l, first.Changes(want))
	is := func(p account.ConsentPolicy) func() bool {
		return func() bool {
			now, err := l.ConsentPolicy(l.ctx, l.Tenant)
			return err == nil && len(now.Changes(p)) == 0
		}
	}
	l.Until(l.T, is(want))
	before, err := l.SetConsentPolicy(l.ctx, l.Tenant, first)
	require.NoError(l, err)
	assert.Equal(l, want, before)
	l.Until(l.T, is(first))
}
