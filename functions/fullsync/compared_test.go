package fullsync_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/tenanttest"
)

// elsewhere is a tenant that is no application's home.
type elsewhere struct{ *tenanttest.Memory }

func (elsewhere) Secrets(context.Context, account.TenantID, string) ([]account.ClientSecret, error) {
	return nil, nil
}

// connected puts a connection with two permissions into tenant and ledger, and gives its
// service principal.
func (b *bench) connected(t *testing.T, change func(*account.Account)) (account.Account, account.ServicePrincipal) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, b.tenant.MakeServicePrincipal(ctx, "tid", tenanttest.VendorApp))
	app, _, err := b.tenant.ServicePrincipal(ctx, "tid", tenanttest.VendorApp)
	require.NoError(t, err)
	require.NoError(t, b.tenant.GivePermission(ctx, "tid", app.ObjectID, "principal-graph", "role-mail"))
	require.NoError(t, b.tenant.GiveDelegated(ctx, "tid", account.DelegatedGrant{ClientID: app.ObjectID, ResourceID: "principal-graph", Scopes: []string{"Mail.Read"}}))
	return b.onboarded(t, "vendor", func(a *account.Account) {
		a.AppID, a.ObjectID, a.Grants = tenanttest.VendorApp, "", nil
		for _, p := range []account.AppPermission{{Resource: tenanttest.GraphAPI, Name: "Mail.Read"}, {Resource: tenanttest.GraphAPI, Name: "Mail.Read", Delegated: true}} {
			a.Grants = append(a.Grants, account.Grant{Kind: p.Kind(), Target: p.Target(a.AppID), Name: p.String(), State: account.GrantGiven, Ours: true})
		}
		change(a)
	}), app
}

// about are the findings about the connection.
func about(run ledger.SyncRun) (kinds []string) {
	for _, f := range run.Findings {
		if f.AccountID == "acc-vendor" {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

func TestAConnectionIsCompared(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		drift func(b *bench, app account.ServicePrincipal) error
		want  []string
	}{
		"as promised": {func(*bench, account.ServicePrincipal) error { return nil }, nil},
		"application gone": {func(b *bench, app account.ServicePrincipal) error {
			return b.tenant.RemoveServicePrincipal(ctx, "tid", app.ObjectID)
		}, []string{fullsync.ApplicationMissing}},
		"permission gone": {func(b *bench, app account.ServicePrincipal) error {
			held, err := b.tenant.Grants(ctx, "tid", app.ObjectID)
			return errors.Join(err, b.tenant.WithdrawPermission(ctx, "tid", held[0]))
		}, []string{fullsync.ConsentMissing}},
		"delegated permission gone": {func(b *bench, app account.ServicePrincipal) error {
			held, err := b.tenant.DelegatedGrants(ctx, "tid", app.ObjectID)
			return errors.Join(err, b.tenant.WithdrawDelegated(ctx, "tid", held[0].ID))
		}, []string{fullsync.ConsentMissing}},
		"not to be read": {func(b *bench, _ account.ServicePrincipal) error {
			b.tenant.Before = func(op string) error {
				if op == "DelegatedGrants" {
					return fault.Stopf(fault.PermissionMissing, "insufficient privileges")
				}
				return nil
			}
			return nil
		}, []string{fullsync.ConsentUnread}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			_, app := b.connected(t, func(*account.Account) {})
			require.NoError(t, test.drift(b, app))
			run, err := b.run(t)
			require.NoError(t, err)
			assert.Equal(t, test.want, about(run))
			assert.Zero(t, run.Accounts, "it is no account that could be missing")
			assert.Empty(t, run.Withheld)
		})
	}
}

func TestAConnectionThatExpiredIsRevoked(t *testing.T) {
	b := setup(t)
	a, _ := b.connected(t, func(a *account.Account) { a.ExpiresAt = now.Add(-time.Hour) })
	run, err := b.run(t)
	require.NoError(t, err)
	assert.Equal(t, []string{a.ID}, b.desk.expired)
	assert.Contains(t, about(run), fullsync.AccountExpired)
}
