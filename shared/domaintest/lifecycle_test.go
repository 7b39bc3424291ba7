package domaintest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/activedirectory"
	"github.com/usher365/usher/shared/domainfake"
	"github.com/usher365/usher/shared/domaintest"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/sambatest"
)

func TestTheMemory(t *testing.T) {
	m := domainfake.New()
	m.OUs = []string{"OU=Services"}
	domaintest.Lifecycle(t, domaintest.Harness{Domain: m, Tenant: "tid", OU: "OU=Services", Missing: "OU=Missing", Suffix: "corp.example"})
	assert.Empty(t, m.Users())
}

func TestARealDomainController(t *testing.T) {
	s := sambatest.Start(t)
	c, err := activedirectory.New(activedirectory.Options{URL: s.URL, BaseDN: s.BaseDN, BindDN: s.BindDN, Password: s.Password, Roots: s.Roots})
	require.NoError(t, err)
	domaintest.Lifecycle(t, domaintest.Harness{
		Domain: activedirectory.Domains{"tid": c}, Tenant: "tid", OU: s.OU(t), Missing: "OU=Missing", Suffix: s.DNSName,
	})
}

func TestATenantWithoutADomain(t *testing.T) {
	none, ctx := activedirectory.Domains(nil), t.Context()
	_, create := none.CreateOnPremises(ctx, "tid", account.NewOnPremisesUser{})
	_, find := none.OnPremisesUser(ctx, "tid", "")
	_, stamp := none.OnPremisesUserOf(ctx, "tid", "usher:req")
	for _, err := range []error{
		create, find, stamp, none.SetOnPremisesEnabled(ctx, "tid", "", "", true), none.DeleteOnPremises(ctx, "tid", "", ""),
		none.SetOnPremisesPassword(ctx, "tid", "", "", account.NewSecret("x")),
	} {
		assert.Equal(t, fault.ADNotConfigured, fault.CodeOf(err))
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	}
}

func TestAMakingThatIsCutShortAnywhereIsGoneOnWith(t *testing.T) {
	lost := errors.New("connection lost")
	n := account.NewOnPremisesUser{UserPrincipalName: "svc@corp.example", DisplayName: "S", Stamp: "usher:req", Password: account.NewSecret("Conforming-7")}
	for _, op := range []string{"add", "password", "enable"} {
		m := domainfake.New()
		m.After = func(done, _ string) error {
			if done == op {
				m.After = nil
				return lost
			}
			return nil
		}
		_, err := m.CreateOnPremises(t.Context(), "tid", n)
		require.ErrorIs(t, err, lost)
		made, err := m.CreateOnPremises(t.Context(), "tid", n)
		require.NoError(t, err)
		assert.Equal(t, []account.OnPremisesUser{made}, m.Users())
		assert.Equal(t, n.Password, m.Password(made.GUID))
	}
}
