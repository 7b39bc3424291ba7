package fullsync_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

const domain = "DC=corp,DC=contoso,DC=com"

// mastered is an account of Active Directory, with what Entra shows of it.
func mastered() (account.Account, account.User) {
	a := promised()
	a.OnPremises = account.OnPremises{Domain: domain, GUID: "6f9619ff-8b86-d011-b42d-00c04fc964ff", ImmutableID: "/xmWb4aL0BG0LQDAT8lk/w=="}
	return a, account.User{ObjectID: a.ObjectID, Enabled: true, Synced: true, ImmutableID: a.OnPremises.ImmutableID}
}

func TestWhatEntraShowsOfASyncedAccount(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*account.Account, *account.User)
		want   []string
		says   []string
	}{
		"as promised": {func(*account.Account, *account.User) {}, nil, nil},
		"disabled": {func(_ *account.Account, u *account.User) { u.Enabled = false }, []string{fullsync.AccountDisabled},
			[]string{"disabled in Active Directory (" + domain + ")", "enable it there"}},
		"no longer synced": {func(_ *account.Account, u *account.User) { u.Synced = false }, []string{fullsync.AccountUnsynced},
			[]string{domain, "scope of Entra Connect"}},
		"no longer synced, and disabled": {func(_ *account.Account, u *account.User) { u.Synced, u.Enabled = false, false },
			[]string{fullsync.AccountDisabled, fullsync.AccountUnsynced}, []string{domain}},
		"joined to another": {func(_ *account.Account, u *account.User) { u.ImmutableID = "another" }, []string{fullsync.AccountRejoined},
			[]string{domain, "immutable id another", "/xmWb4aL0BG0LQDAT8lk/w=="}},
		"gone": {func(_ *account.Account, u *account.User) { u.ObjectID = "" }, []string{fullsync.AccountMissing},
			[]string{domain, "objectGUID 6f9619ff-8b86-d011-b42d-00c04fc964ff"}},
		"adopted, and disabled": {func(a *account.Account, u *account.User) {
			a.Origin, a.OnPremises, u.Enabled = account.Adopted, account.OnPremises{}, false
		}, []string{fullsync.AccountDisabled}, []string{"on-premises Active Directory"}},
		"adopted, and synced": {func(a *account.Account, _ *account.User) {
			a.Origin, a.OnPremises = account.Adopted, account.OnPremises{}
		}, nil, nil},
		"brought before its anchor was on record": {func(a *account.Account, _ *account.User) { a.OnPremises.ImmutableID = "" }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a, u := mastered()
			tt.change(&a, &u)
			seen := asPromised()
			seen.Users = map[string]account.User{u.ObjectID: u}
			findings := fullsync.Compare([]account.Account{a}, seen, now)
			assert.Equal(t, tt.want, kinds(findings))
			text := ""
			for _, f := range findings {
				text += f.Text
			}
			for _, part := range tt.says {
				assert.Contains(t, text, part)
			}
		})
	}
}

// Whatever became of a synced account, the night writes nothing to the tenant.
func TestNothingIsWrittenToASyncedAccount(t *testing.T) {
	b := setup(t)
	hq := b.onboarded(t, "hq", func(a *account.Account) {
		full, _ := mastered()
		a.OnPremises = full.OnPremises
		b.tenant.Sync([]account.OnPremisesUser{{ImmutableID: full.OnPremises.ImmutableID, UserPrincipalName: a.UserPrincipalName}})
		u, err := b.tenant.UserByImmutableID(t.Context(), "tid", full.OnPremises.ImmutableID)
		require.NoError(t, err)
		a.ObjectID, a.Grants = u.ObjectID, nil
		a.ExpiresAt = now.Add(-1)
	})
	before := len(b.tenant.Calls())
	run, err := b.run(t)
	require.NoError(t, err)
	ours := slices.DeleteFunc(slices.Clone(run.Findings), func(f ledger.Finding) bool { return f.AccountID != hq.ID })
	assert.Equal(t, []string{fullsync.AccountDisabled, fullsync.AccountExpired}, kinds(ours))
	assert.Contains(t, ours[0].Text, domain)
	assert.Equal(t, []string{"acc-hq"}, b.desk.expired, "its end is a revocation, which works in Active Directory")
	for _, call := range b.tenant.Calls()[before:] {
		assert.True(t, slices.Contains([]string{"User", "UserPage", "RoleAssignmentPage", "HoldersOf"}, call), call)
	}
}
