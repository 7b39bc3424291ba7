// Package domaintest is the suite that package domainfake and a real domain controller
// must both pass. See package tenanttest for the tenant's side.
package domaintest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Domain are the operations that every implementation must keep.
type Domain interface {
	OnPremisesUser(ctx context.Context, t account.TenantID, guid string) (account.OnPremisesUser, error)
	OnPremisesUserOf(ctx context.Context, t account.TenantID, stamp string) (account.OnPremisesUser, error)
	CreateOnPremises(ctx context.Context, t account.TenantID, n account.NewOnPremisesUser) (account.OnPremisesUser, error)
	SetOnPremisesEnabled(ctx context.Context, t account.TenantID, guid, stamp string, enabled bool) error
	DeleteOnPremises(ctx context.Context, t account.TenantID, guid, stamp string) error
	SetOnPremisesPassword(ctx context.Context, t account.TenantID, guid, stamp string, password account.Secret) error
}

// Harness is a domain under test.
type Harness struct {
	Domain
	Tenant account.TenantID
	// OU exists, and nothing is in it. Missing does not.
	OU, Missing string
	// Suffix stands behind the @ of the names.
	Suffix string
}

// Lifecycle makes an account, changes it and takes it away, twice each, meets every
// refusal that a caller tells apart, and leaves nothing behind.
func Lifecycle(t *testing.T, h Harness) {
	l := &lifecycle{T: t, Harness: h, ctx: t.Context()}
	l.refused()
	l.create()
	l.namesTaken()
	l.foreignStamp()
	l.enable()
	l.passwords()
	l.delete()
}

type lifecycle struct {
	*testing.T
	Harness
	ctx  context.Context
	user account.OnPremisesUser
}

// goodPassword passes the policy of a new domain, weakPassword does not.
const (
	goodPassword = "Conforming-7-Harbour"
	weakPassword = "weak"
)

func (l *lifecycle) account(name string) account.NewOnPremisesUser {
	return account.NewOnPremisesUser{
		OU: l.OU, UserPrincipalName: name + "@" + l.Suffix, DisplayName: "Conformance", Password: account.NewSecret(goodPassword),
		Stamp: account.StampOf("req-" + name),
	}
}

func (l *lifecycle) is(class fault.Class, code fault.Code, err error) {
	l.Helper()
	require.Error(l, err)
	assert.Equal(l, code, fault.CodeOf(err), "%v", err)
	assert.Equal(l, class, fault.ClassOf(err), "%v", err)
}

func (l *lifecycle) create1(n account.NewOnPremisesUser) error {
	_, err := l.CreateOnPremises(l.ctx, l.Tenant, n)
	return err
}

func (l *lifecycle) refused() {
	for _, change := range []func(*account.NewOnPremisesUser){
		func(n *account.NewOnPremisesUser) { n.Stamp = "" },
		func(n *account.NewOnPremisesUser) { n.Password = account.Secret{} },
		func(n *account.NewOnPremisesUser) { n.DisplayName = "" },
	} {
		n := l.account("svc-conf-refused")
		change(&n)
		l.is(fault.Permanent, fault.RequestInvalid, l.create1(n))
	}
	n := l.account("svc-conf-nowhere")
	n.OU = l.Missing
	l.is(fault.Permanent, fault.ADContainerNotFound, l.create1(n))
	_, err := l.OnPremisesUserOf(l.ctx, l.Tenant, n.Stamp)
	l.is(fault.Permanent, fault.UserNotFound, err)
	_, err = l.OnPremisesUserOf(l.ctx, l.Tenant, "")
	l.is(fault.Permanent, fault.MalformedCommand, err)
	_, err = l.OnPremisesUser(l.ctx, l.Tenant, "no guid")
	l.is(fault.Permanent, fault.MalformedCommand, err)
}

func (l *lifecycle) create() {
	n := l.account("svc-conf-account-of-the-suite")
	n.Password = account.NewSecret(weakPassword)
	l.is(fault.Transient, fault.ADPasswordRejected, l.create1(n))
	n.Password = account.NewSecret(goodPassword)
	var err error
	l.user, err = l.CreateOnPremises(l.ctx, l.Tenant, n)
	require.NoError(l, err)
	assert.True(l, l.user.Enabled)
	assert.Equal(l, n.Stamp, l.user.Stamp)
	assert.Equal(l, n.UserPrincipalName, l.user.UserPrincipalName)
	assert.NotEmpty(l, l.user.ImmutableID)
	again, err := l.CreateOnPremises(l.ctx, l.Tenant, n)
	require.NoError(l, err)
	assert.Equal(l, l.user, again, "the same stamp is the same account")
	l.shows(l.user)
}

// shows finds the account by GUID and by stamp.
func (l *lifecycle) shows(want account.OnPremisesUser) {
	l.Helper()
	byID, err := l.OnPremisesUser(l.ctx, l.Tenant, want.GUID)
	require.NoError(l, err)
	byStamp, err := l.OnPremisesUserOf(l.ctx, l.Tenant, want.Stamp)
	require.NoError(l, err)
	assert.Equal(l, []account.OnPremisesUser{want, want}, []account.OnPremisesUser{byID, byStamp})
}

func (l *lifecycle) namesTaken() {
	n := l.account("svc-conf-account-of-the-suite")
	n.Stamp = account.StampOf("req-other")
	l.is(fault.Permanent, fault.NameTaken, l.create1(n))
	n = l.account("svc-conf-account-of-somebody") // the first twenty characters are the logon name
	l.is(fault.Permanent, fault.NameTaken, l.create1(n))
}

func (l *lifecycle) foreignStamp() {
	for _, stamp := range []string{"usher:req-other", ""} {
		l.is(fault.Permanent, fault.AccountUnknown, l.SetOnPremisesEnabled(l.ctx, l.Tenant, l.user.GUID, stamp, false))
		l.is(fault.Permanent, fault.AccountUnknown, l.DeleteOnPremises(l.ctx, l.Tenant, l.user.GUID, stamp))
		l.is(fault.Permanent, fault.AccountUnknown, l.SetOnPremisesPassword(l.ctx, l.Tenant, l.user.GUID, stamp, account.NewSecret(goodPassword)))
	}
	l.shows(l.user)
}

func (l *lifecycle) enable() {
	for _, enabled := range []bool{false, false, true, true} {
		require.NoError(l, l.SetOnPremisesEnabled(l.ctx, l.Tenant, l.user.GUID, l.user.Stamp, enabled))
		want := l.user
		want.Enabled = enabled
		l.shows(want)
	}
}

func (l *lifecycle) passwords() {
	set := func(password string) error {
		return l.SetOnPremisesPassword(l.ctx, l.Tenant, l.user.GUID, l.user.Stamp, account.NewSecret(password))
	}
	require.NoError(l, set("Another-9-Lantern"))
	l.is(fault.Transient, fault.ADPasswordRejected, set(weakPassword))
	l.is(fault.Permanent, fault.MalformedCommand, set(""))
}

func (l *lifecycle) delete() {
	for range 2 {
		require.NoError(l, l.DeleteOnPremises(l.ctx, l.Tenant, l.user.GUID, l.user.Stamp))
	}
	_, err := l.OnPremisesUser(l.ctx, l.Tenant, l.user.GUID)
	l.is(fault.Permanent, fault.UserNotFound, err)
	_, err = l.OnPremisesUserOf(l.ctx, l.Tenant, l.user.Stamp)
	l.is(fault.Permanent, fault.UserNotFound, err)
	l.is(fault.Permanent, fault.UserNotFound, l.SetOnPremisesEnabled(l.ctx, l.Tenant, l.user.GUID, l.user.Stamp, true))
	l.is(fault.Permanent, fault.UserNotFound, l.SetOnPremisesPassword(l.ctx, l.Tenant, l.user.GUID, l.user.Stamp, account.NewSecret(goodPassword)))
}
