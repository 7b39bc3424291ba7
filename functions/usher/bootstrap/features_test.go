package bootstrap

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// added are the rights that a feature adds, by application.
func added(f Feature) (list []string) {
	for _, r := range [][2]Rights{{Provisioner(), Provisioner(f)}, {ForConsents(), ForConsents(f)}} {
		for _, p := range r[1].Permissions[len(r[0].Permissions):] {
			list = append(list, r[1].App+" "+p.Name)
		}
		for _, role := range r[1].Roles[len(r[0].Roles):] {
			list = append(list, r[1].App+" "+role.Name)
		}
	}
	return list
}

// The whole list, so that it does not grow unseen.
func TestWhatEachFeatureTakes(t *testing.T) {
	want := map[Feature][]string{
		WithConsents:      {"consents Application.ReadWrite.All", "consents AppRoleAssignment.ReadWrite.All", "consents DelegatedPermissionGrant.ReadWrite.All"},
		WithConsentPolicy: {"consents Policy.Read.All", "consents Policy.ReadWrite.ConsentRequest", "consents User.Read.All", "consents GroupMember.Read.All"},
		WithTargets: {"consents Application.ReadWrite.All", "consents AppRoleAssignment.ReadWrite.All", "consents DelegatedPermissionGrant.ReadWrite.All",
			"consents User.Read.All", "consents GroupMember.Read.All"},
		WithFitness:    {"provisioner Policy.Read.All"},
		WithPerUserMFA: {"provisioner Policy.ReadWrite.AuthenticationMethod"},
		WithExclusions: {"provisioner Policy.Read.All", "provisioner Policy.ReadWrite.ConditionalAccess"},
		WithPIM:        {"provisioner RoleAssignmentSchedule.ReadWrite.Directory"},
		WithRotation:   {"provisioner User-PasswordProfile.ReadWrite.All", "provisioner User Administrator"},
	}
	for _, f := range Features() {
		assert.Equal(t, want[f], added(f), f)
		for _, r := range []Rights{Provisioner(f), ForConsents(f)} {
			lacking, ofIt := f.Lacking(r.App, nil, nil)
			assert.NotEmpty(t, lacking)
			assert.Equal(t, additions(f).app == r.App, ofIt)
			var held []string
			for _, p := range r.Permissions {
				held = append(held, p.Name)
			}
			lacking, _ = f.Lacking(r.App, held, []string{userAdministrator})
			assert.Equal(t, !ofIt, len(lacking) > 0, f)
		}
	}
	assert.Len(t, want, len(Features()))
	all := ForConsents(Features()...)
	assert.Len(t, all.Permissions, 7, "what two features take is asked for once")
	assert.False(t, all.tooMuch())
	assert.True(t, ForConsents().HomeOnly(), "by default there is no such application")
}

const userAdministrator = "fe930be7-5e62-47db-91af-98c3a49a38b1"

func TestTheSyncReadsWhatWasConsented(t *testing.T) {
	more := func(f Feature) (names []string) {
		for _, p := range Sync(f).Permissions[len(Sync().Permissions):] {
			names = append(names, p.Name)
		}
		return names
	}
	want := map[Feature][]string{
		WithConsents: {"Application.Read.All"}, WithFitness: {"Policy.Read.All"}, WithExclusions: {"Policy.Read.All"},
	}
	for _, f := range Features() {
		assert.Equal(t, want[f], more(f), f)
	}
	assert.Len(t, Sync(WithFitness, WithExclusions).Permissions, len(Sync().Permissions)+1, "what two features take is asked for once")
}

func TestFeaturesNamed(t *testing.T) {
	got, err := FeaturesNamed([]string{"consents", " pim"})
	require.NoError(t, err)
	assert.Equal(t, []Feature{WithConsents, WithPIM}, got)
	_, err = FeaturesNamed([]string{"consents", "consent", ""})
	assert.ErrorContains(t, err, `no feature "consent", ""; they are consents consent-policy`)
}

func TestNobodyHoldsBoth(t *testing.T) {
	assert.Empty(t, TooMuch([]string{"RoleManagement.ReadWrite.Directory", "User.ReadWrite.All"}))
	assert.Equal(t, neverTogether, TooMuch([]string{"AppRoleAssignment.ReadWrite.All", "Mail.Send", "RoleManagement.ReadWrite.Directory"}))
	for _, a := range apps(t, Options{Features: Features()}) {
		assert.False(t, a.tooMuch(), a.App)
	}
}

func apps(t *testing.T, o Options) []App {
	t.Helper()
	all, err := Apps(o)
	require.NoError(t, err)
	return all
}

func TestTheApplicationForConsentsIsThereWhereItIsWanted(t *testing.T) {
	assert.Len(t, apps(t, Options{Features: []Feature{WithPIM, WithFitness}}), 2)
	all := apps(t, Options{Features: []Feature{WithTargets}, Consents: []Trust{trust}, Messenger: []Trust{trust}})
	require.Len(t, all, 4)
	assert.Equal(t, "usher-consents", all[2].UniqueName)
	assert.Equal(t, []Trust{trust}, all[2].Trusts)
	assert.Empty(t, all[2].Roles)
	_, err := Apps(Options{Features: []Feature{WithPIM}, Consents: []Trust{trust}})
	assert.ErrorContains(t, err, "no feature needs it")
}
