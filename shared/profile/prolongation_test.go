package profile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/profile"
)

func TestARoleThatEndsByItselfLivesAsLongAsItsAccount(t *testing.T) {
	end := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	later := end.AddDate(0, 1, 0)
	acc := account.Account{ObjectID: "oid", ExpiresAt: end, Grants: []account.Grant{
		{Kind: account.DirectoryRole, Target: "r1", Name: "Exchange Administrator", State: account.GrantGiven, Ours: true, Until: end},
		{Kind: account.DirectoryRole, Target: "r2", Name: "Security Reader", State: account.GrantGiven, Ours: true},
		{Kind: account.DirectoryRole, Target: "r3", Name: "Global Reader", State: account.GrantGiven, Until: end},
		{Kind: account.RoleGroup, Target: "g", Name: "g", State: account.GrantGiven, Ours: true},
	}}
	steps := profile.Prolongation(acc, later)
	require.Len(t, steps, 1, "what has no end, or was there before, stays")
	assert.JSONEq(t, `{"roleId":"r1","role":"Exchange Administrator","until":"2027-02-01T00:00:00Z"}`, string(steps[0].Args))
	assert.Empty(t, profile.Prolongation(acc, end), "another review date moves no end")
}
