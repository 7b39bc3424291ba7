package profile_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/profile"
)

func modify(change func(*events.Request)) (profile.Planned, error) {
	req := events.Request{Action: "modify", Account: events.Account{UserName: "anna"}, Access: events.Access{
		DirectoryRoles: []string{"Global Reader"}, ExchangeRoleGroups: []string{"Help Desk"}}}
	change(&req)
	return profile.Plan(profile.Profile{}, req, contoso, now)
}

func TestModifyGivesRightsAndTakesThemAway(t *testing.T) {
	planned, err := modify(func(*events.Request) {})
	require.NoError(t, err)
	assert.Equal(t, account.Adopted, planned.Account.Origin)
	assert.Equal(t, []string{"checkfitness", "create", "assignrole-global-reader", "grantrolegroup-help-desk"}, names(planned.Steps))
	acc := planned.Account
	acc.ObjectID = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
	acc.Grants[1].State = account.GrantGiven
	assert.Equal(t, []string{"revoke-rolegroup-help-desk", "revoke-role-global-reader"}, names(profile.Revocation(acc, events.Offboard{Purge: true})))
}

func TestModifyRefuses(t *testing.T) {
	for says, change := range map[string]func(*events.Request){
		"account.userName":      func(r *events.Request) { r.Account.UserName = "" },
		"account.mode create":   func(r *events.Request) { r.Account.Mode = "create" },
		"account.mode synced":   func(r *events.Request) { r.Account.Mode = "synced" },
		"account.displayName":   func(r *events.Request) { r.Account.Surname = "Smith" },
		"account.usageLocation": func(r *events.Request) { r.Account.UsageLocation = "GB" },
		"account.password":      func(r *events.Request) { r.Account.Password = &events.Password{} },
		"delivery":              func(r *events.Request) { r.Delivery = &events.Delivery{Method: "vault"} },
		"access.appConsents":    func(r *events.Request) { r.Access.Scope = &events.Scope{Mode: "all"} },
		"nothing to give":       func(r *events.Request) { r.Access = events.Access{} },
	} {
		_, err := modify(change)
		require.ErrorContains(t, err, says)
		assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err), says)
		assert.Equal(t, fault.Permanent, fault.ClassOf(err), says)
	}
}
