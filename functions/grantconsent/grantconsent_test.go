package grantconsent_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

var ctx = context.Background()

type bench struct {
	*testing.T
	tenant *tenanttest.Memory
	task   step.Task[events.GrantConsentArgs]
}

// setup plans a consent with one application permission and two delegated ones.
func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, tenant: tenanttest.NewMemory()}
	b.task.Tenant = account.Tenant{ID: "tid"}
	b.task.Args = events.GrantConsentArgs{AppID: tenanttest.VendorApp, App: "Vendor's connector", Permissions: []events.AppPermission{
		{Resource: tenanttest.GraphAPI, Name: "Mail.Read"}, {Resource: tenanttest.GraphAPI, Name: "Mail.Read", Delegated: true},
		{Resource: tenanttest.GraphAPI, Name: "offline_access", Delegated: true},
	}}
	grants := []account.Grant{{Kind: account.Application, Target: tenanttest.VendorApp, State: account.GrantPlanned, Ours: true}}
	for _, p := range b.task.Args.Permissions {
		right := account.AppPermission(p)
		grants = append(grants, account.Grant{Kind: right.Kind(), Target: right.Target(tenanttest.VendorApp), Name: right.String(), State: account.GrantPlanned, Ours: true})
	}
	b.task.Account = account.Account{Grants: grants}
	return b
}

// once is one call of the handler, whose account is kept as the ledger keeps it.
func (b *bench) once() (step.Result, error) {
	b.Helper()
	h := grantconsent.New(b.tenant, b.tenant, b.tenant).WithSetting(grantconsent.NewSetting(b.tenant, b.tenant))
	res, err := h.Handle(ctx, b.task)
	if res.Learn != nil {
		res.Learn(&b.task.Account)
	}
	return res, err
}

// run calls the handler until it is done, however often it fails on the way.
func (b *bench) run() step.Result {
	b.Helper()
	for range 20 {
		if res, err := b.once(); err == nil && !res.Again {
			return res
		}
	}
	require.Fail(b, "it was never done")
	return step.Result{}
}

func (b *bench) states() (states []account.GrantState) {
	for _, g := range b.task.Account.Grants {
		states = append(states, g.State)
	}
	return states
}

// proven is the consent as the tenant has it and the account's row says.
func (b *bench) proven() {
	b.Helper()
	p, there, err := b.tenant.ServicePrincipal(ctx, "tid", tenanttest.VendorApp)
	require.NoError(b, err)
	require.True(b, there)
	app, err := b.tenant.Grants(ctx, "tid", p.ObjectID)
	require.NoError(b, err)
	delegated, err := b.tenant.DelegatedGrants(ctx, "tid", p.ObjectID)
	require.NoError(b, err)
	require.Len(b, app, 1)
	require.Len(b, delegated, 1)
	assert.Equal(b, []string{"Mail.Read", "offline_access"}, delegated[0].Scopes)
	want := []string{p.ObjectID, app[0].ID, delegated[0].ID, delegated[0].ID}
	for i, g := range b.task.Account.Grants {
		assert.Equal(b, account.GrantGiven, g.State, g.Target)
		assert.Equal(b, want[i], g.AssignmentID, g.Target)
	}
}

func TestGrantConsent(t *testing.T) {
	b := setup(t)
	res, err := b.once()
	require.NoError(t, err)
	assert.True(t, res.Again, "the intent goes on record first")
	assert.NotContains(t, b.tenant.Calls(), "MakeServicePrincipal")
	assert.Equal(t, []account.GrantState{account.GrantIntended, account.GrantIntended, account.GrantIntended, account.GrantIntended}, b.states())
	res, err = b.once()
	require.NoError(t, err)
	assert.Equal(t, "Vendor's connector may use Mail.Read, Mail.Read (delegated), offline_access (delegated)", res.Detail)
	b.proven()
	for _, g := range b.task.Account.Grants {
		assert.True(t, g.Ours)
	}
	calls := len(b.tenant.Calls())
	_, err = b.once()
	require.NoError(t, err)
	for _, op := range b.tenant.Calls()[calls:] {
		assert.NotContains(t, []string{"MakeServicePrincipal", "GivePermission", "GiveDelegated", "SetScopes"}, op, "a replay gives nothing")
	}
}

// Whatever call fails, before or after its effect, the next attempts end in the same consent.
func TestEveryCrashEndsInTheSameConsent(t *testing.T) {
	whole := setup(t)
	whole.run()
	lost := errors.New("connection lost")
	for at := range len(whole.tenant.Calls()) {
		for _, after := range []bool{false, true} {
			b, n := setup(t), 0
			hook := func(string) error {
				if n++; n == at+1 {
					return lost
				}
				return nil
			}
			if after {
				b.tenant.After = hook
			} else {
				b.tenant.Before = hook
			}
			b.run()
			b.proven()
			for _, g := range b.task.Account.Grants {
				assert.True(t, g.Ours, "%d %v %s", at, after, g.Target)
			}
		}
	}
}

func TestWhatWasThereBeforeIsNotOurs(t *testing.T) {
	b := setup(t)
	require.NoError(t, b.tenant.MakeServicePrincipal(ctx, "tid", tenanttest.VendorApp))
	p, _, err := b.tenant.ServicePrincipal(ctx, "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	require.NoError(t, b.tenant.GiveDelegated(ctx, "tid", account.DelegatedGrant{ClientID: p.ObjectID, ResourceID: "principal-graph", Scopes: []string{"Mail.Read"}}))
	b.run()
	b.proven()
	var ours []bool
	for _, g := range b.task.Account.Grants {
		ours = append(ours, g.Ours)
	}
	assert.Equal(t, []bool{false, true, false, true}, ours)
}

func TestAllThereBefore(t *testing.T) {
	other := setup(t)
	other.run()
	b := setup(t)
	b.tenant = other.tenant
	res, err := b.once()
	require.NoError(t, err)
	assert.False(t, res.Again)
	b.proven()
	for _, g := range b.task.Account.Grants {
		assert.False(t, g.Ours, g.Target)
	}
}

func TestAUsersOwnConsentIsNotEverybodys(t *testing.T) {
	b := setup(t)
	require.NoError(t, b.tenant.MakeServicePrincipal(ctx, "tid", tenanttest.VendorApp))
	p, _, err := b.tenant.ServicePrincipal(ctx, "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	require.NoError(t, b.tenant.GiveDelegated(ctx, "tid", account.DelegatedGrant{ClientID: p.ObjectID, ResourceID: "principal-graph", UserID: "user-1", Scopes: []string{"Mail.Read", "offline_access"}}))
	b.run()
	held, err := b.tenant.DelegatedGrants(ctx, "tid", p.ObjectID)
	require.NoError(t, err)
	assert.Len(t, held, 2)
}

func TestWhatIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*events.GrantConsentArgs)
		code fault.Code
	}{
		"UnknownApplication": {func(a *events.GrantConsentArgs) { a.AppID = "00000000-0000-4000-8000-00000000dead" }, fault.ApplicationUnknown},
		"UnknownAPI":         {func(a *events.GrantConsentArgs) { a.Permissions[0].Resource = "exchange" }, fault.PermissionUnknown},
		"UnknownPermission":  {func(a *events.GrantConsentArgs) { a.Permissions[0].Name = "Mail.Raed" }, fault.PermissionUnknown},
		"OtherKind":          {func(a *events.GrantConsentArgs) { a.Permissions[2].Delegated = false }, fault.PermissionUnknown},
		"NoApplication":      {func(a *events.GrantConsentArgs) { a.AppID = "" }, fault.MalformedCommand},
		"NoPermissions":      {func(a *events.GrantConsentArgs) { a.Permissions = nil }, fault.MalformedCommand},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			tt.edit(&b.task.Args)
			_, err := b.once()
			assert.Equal(t, tt.code, fault.CodeOf(err))
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
			assert.NotContains(t, b.tenant.Calls(), "GivePermission")
		})
	}
	b := setup(t)
	b.tenant.Before = func(op string) error {
		if op == "GivePermission" {
			return fault.Stopf(fault.PermissionMissing, "insufficient privileges")
		}
		return nil
	}
	_, err := b.once()
	require.NoError(t, err)
	_, err = b.once()
	assert.Equal(t, fault.PermissionMissing, fault.CodeOf(err))
}

// staleGrants shows no permission for a while.
type staleGrants struct {
	*tenanttest.Memory
	left int
}

func (s *staleGrants) Grants(ctx context.Context, t account.TenantID, p string) ([]account.AppGrant, error) {
	if s.left > 0 {
		s.left--
		return nil, nil
	}
	return s.Memory.Grants(ctx, t, p)
}

func TestDoneOnlyWhenItShows(t *testing.T) {
	b := setup(t)
	_, err := b.once()
	require.NoError(t, err)
	stale := &staleGrants{Memory: b.tenant, left: 2}
	h := grantconsent.New(b.tenant, stale, b.tenant)
	res, err := h.Handle(ctx, b.task)
	assert.Equal(t, fault.ConsentNotVisible, fault.CodeOf(err))
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	assert.ErrorContains(t, err, "do not show yet: Mail.Read")
	res.Learn(&b.task.Account)
	assert.Equal(t, []account.GrantState{account.GrantGiven, account.GrantIntended, account.GrantGiven, account.GrantGiven}, b.states())
	_, err = b.once()
	require.NoError(t, err)
	b.proven()
}

// What was being taken away is given again although a list still shows it.
func TestAnUndoneRemovalIsGivenAgain(t *testing.T) {
	b := setup(t)
	b.run()
	for i := range b.task.Account.Grants {
		b.task.Account.Grants[i].State = account.GrantLeaving
	}
	calls := len(b.tenant.Calls())
	_, err := b.once()
	require.NoError(t, err)
	assert.Subset(t, b.tenant.Calls()[calls:], []string{"GivePermission", "SetScopes"})
	b.proven()
}
