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
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

// consented is an account whose application holds three permissions of ours and,
// if asked, a scope of somebody else's.
func consented(t *testing.T, foreign ...string) *bench {
	t.Helper()
	ctx := context.Background()
	b := &bench{tenant: tenanttest.NewMemory()}
	require.NoError(t, b.tenant.MakeServicePrincipal(ctx, "tid", tenanttest.VendorApp))
	app, _, err := b.tenant.ServicePrincipal(ctx, "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	require.NoError(t, b.tenant.GivePermission(ctx, "tid", app.ObjectID, "principal-graph", "role-mail"))
	require.NoError(t, b.tenant.GiveDelegated(ctx, "tid", account.DelegatedGrant{
		ClientID: app.ObjectID, ResourceID: "principal-graph", Scopes: append([]string{"Mail.Read", "offline_access"}, foreign...)}))
	b.task = step.Task[events.RevokeArgs]{
		Account: account.Account{UserPrincipalName: upn, TriedAt: now.Add(-time.Hour), Grants: []account.Grant{
			{Kind: account.Application, Target: tenanttest.VendorApp, Name: "the connector", State: account.GrantGiven, Ours: true},
		}},
		Tenant: account.Tenant{ID: "tid"}, Now: now, Step: account.Step{FirstSeen: now},
	}
	for _, p := range ourPermissions {
		b.task.Account.Grants = append(b.task.Account.Grants, account.Grant{Kind: p.Kind(), Target: p.Target(tenanttest.VendorApp), Name: p.String(), State: account.GrantGiven, Ours: true})
	}
	return b
}

var ourPermissions = []account.AppPermission{
	{Resource: tenanttest.GraphAPI, Name: "Mail.Read"}, {Resource: tenanttest.GraphAPI, Name: "Mail.Read", Delegated: true},
	{Resource: tenanttest.GraphAPI, Name: "offline_access", Delegated: true},
}

// withdraw calls until the part is done, however often it fails on the way.
func (b *bench) withdraw(t *testing.T, g account.Grant) step.Result {
	t.Helper()
	b.task.Args = events.RevokeArgs{Part: events.RevokePart(g.Kind), Target: g.Target, Name: g.Name}
	for range 10 {
		res, err := revoke.NewConsents(b.tenant, b.tenant, b.tenant).Handle(context.Background(), b.task)
		if res.Learn != nil {
			res.Learn(&b.task.Account)
		}
		if err == nil && !res.Again {
			return res
		}
	}
	require.Fail(t, "it was never done")
	return step.Result{}
}

// all withdraws the permissions, then the application.
func (b *bench) all(t *testing.T) (last step.Result) {
	t.Helper()
	for _, g := range append(b.task.Account.Grants[1:4:4], b.task.Account.Grants[0]) {
		last = b.withdraw(t, g)
	}
	for _, g := range b.task.Account.Grants {
		assert.Equal(t, account.GrantTaken, g.State, g.Target)
	}
	return last
}

func TestAConsentIsWithdrawn(t *testing.T) {
	b := consented(t)
	assert.Equal(t, "the connector withdrawn", b.all(t).Detail)
	_, there, err := b.tenant.ServicePrincipal(context.Background(), "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	assert.False(t, there)
	b.all(t)
}

func TestWhatOthersGrantedStays(t *testing.T) {
	b := consented(t, "User.Read")
	assert.Contains(t, b.all(t).Detail, "stays in the tenant")
	app, there, err := b.tenant.ServicePrincipal(context.Background(), "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	require.True(t, there)
	left, err := b.tenant.DelegatedGrants(context.Background(), "tid", app.ObjectID)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, []string{"User.Read"}, left[0].Scopes)
}

func TestWhatCouldNotBeWithdrawnGoesWithTheApplication(t *testing.T) {
	b := consented(t)
	b.withdraw(t, b.task.Account.Grants[1])
	assert.Equal(t, "the connector withdrawn", b.withdraw(t, b.task.Account.Grants[0]).Detail)
	_, there, err := b.tenant.ServicePrincipal(context.Background(), "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	assert.False(t, there)
}

func TestEveryCrashOfAWithdrawalEndsAlike(t *testing.T) {
	whole := consented(t)
	before := len(whole.tenant.Calls())
	whole.all(t)
	for at := range len(whole.tenant.Calls()) - before {
		b, n := consented(t), 0
		b.tenant.After = func(string) error {
			if n++; n == at+1 {
				return errors.New("connection lost")
			}
			return nil
		}
		b.all(t)
		_, there, err := b.tenant.ServicePrincipal(context.Background(), "tid", tenanttest.VendorApp)
		require.NoError(t, err)
		assert.False(t, there)
	}
}

// oldList is a tenant whose lists of delegated permissions show them all, whatever was taken.
type oldList struct {
	*tenanttest.Memory
	scopes []string
}

func (o oldList) DelegatedGrants(ctx context.Context, t account.TenantID, client string) ([]account.DelegatedGrant, error) {
	grants, err := o.Memory.DelegatedGrants(ctx, t, client)
	for i := range grants {
		grants[i].Scopes = o.scopes
	}
	return grants, err
}

func TestAnOldListGivesNothingBack(t *testing.T) {
	b := consented(t, "User.Read")
	b.withdraw(t, b.task.Account.Grants[2])
	g := b.task.Account.Grants[3]
	b.task.Args = events.RevokeArgs{Part: events.RevokePart(g.Kind), Target: g.Target, Name: g.Name}
	old := oldList{b.tenant, []string{"Mail.Read", "offline_access", "User.Read"}}
	for range 2 {
		res, _ := revoke.NewConsents(b.tenant, b.tenant, old).Handle(context.Background(), b.task)
		if res.Learn != nil {
			res.Learn(&b.task.Account)
		}
	}
	app, _, err := b.tenant.ServicePrincipal(context.Background(), "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	grants, err := b.tenant.DelegatedGrants(context.Background(), "tid", app.ObjectID)
	require.NoError(t, err)
	assert.Equal(t, []string{"User.Read"}, grants[0].Scopes, "what was taken before stays taken")
}

func TestAConsentThatMayStillTurnUpIsWaitedFor(t *testing.T) {
	b := consented(t)
	b.all(t)
	b.task.Account.Grants[1].State, b.task.Account.TriedAt = account.GrantIntended, now.Add(-time.Minute)
	b.task.Args = events.RevokeArgs{Part: events.RevokeAppRole, Target: b.task.Account.Grants[1].Target}
	_, err := revoke.NewConsents(b.tenant, b.tenant, b.tenant).Handle(context.Background(), b.task)
	assert.Equal(t, fault.ConsentStillListed, fault.CodeOf(err))
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
}

func TestWithdrawalsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*step.Task[events.RevokeArgs])
		code fault.Code
	}{
		"NoTarget":   {func(x *step.Task[events.RevokeArgs]) { x.Args.Target = "" }, fault.MalformedCommand},
		"HalfTarget": {func(x *step.Task[events.RevokeArgs]) { x.Args.Target = tenanttest.VendorApp }, fault.MalformedCommand},
		"OtherPart":  {func(x *step.Task[events.RevokeArgs]) { x.Args.Part = events.RevokeRole }, fault.MalformedCommand},
		"OnHold":     {func(x *step.Task[events.RevokeArgs]) { x.Account.Hold = account.Hold{Reason: "in use"} }, fault.AccountHeld},
	} {
		t.Run(name, func(t *testing.T) {
			b := consented(t)
			b.task.Args = events.RevokeArgs{Part: events.RevokeScope, Target: ourPermissions[1].Target(tenanttest.VendorApp)}
			tt.edit(&b.task)
			calls := len(b.tenant.Calls())
			_, err := revoke.NewConsents(b.tenant, b.tenant, b.tenant).Handle(context.Background(), b.task)
			assert.Equal(t, tt.code, fault.CodeOf(err))
			assert.Len(t, b.tenant.Calls(), calls, "nothing was asked")
		})
	}
}
