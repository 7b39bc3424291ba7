package profile

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

func TestUsersOfAConnectionArePlanned(t *testing.T) {
	p := Profile{Name: "p", Access: Access{MaxTargets: 250}}
	for name, c := range map[string]struct {
		scope *events.Scope
		want  events.AssignTargetsArgs
	}{
		"nobody chose": {nil, events.AssignTargetsArgs{Change: "sync"}},
		"all":          {&events.Scope{Mode: "all", PrimaryUser: "a@b.example"}, events.AssignTargetsArgs{Change: "all", Primary: "a@b.example"}},
		"chosen": {&events.Scope{Mode: "selected", Users: []string{"a@b.example"}, Groups: []string{"Sales"}},
			events.AssignTargetsArgs{Change: "set", Users: []string{"a@b.example"}, Groups: []string{"Sales"}}},
	} {
		acc := account.Account{AppID: "app"}
		steps, err := aim(&acc, p, events.Request{Access: events.Access{Scope: c.scope}})
		require.NoError(t, err, name)
		require.Len(t, steps, 1)
		var got events.AssignTargetsArgs
		require.NoError(t, json.Unmarshal(steps[0].Args, &got))
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, 250, acc.Targets.Limit())
	}
}

func TestAChoiceOfUsersIsRefused(t *testing.T) {
	var crowd []string
	for i := range 101 {
		crowd = append(crowd, fmt.Sprintf("user%03d@contoso.com", i))
	}
	for says, s := range map[string]events.Scope{
		`access.scope.mode "some"`: {Mode: "some"},
		"mode selected needs":      {Mode: "selected"},
		"not with all":             {Mode: "all", Users: crowd[:1]},
		`access.scope.users[1] "adele" is no user principal name`:     {Mode: "selected", Users: []string{"a@b.example", "adele"}},
		`access.scope.users[0] "adele@contoso"`:                       {Mode: "selected", Users: []string{"adele@contoso"}},
		`access.scope.users[0] "a*@contoso.com"`:                      {Mode: "selected", Users: []string{"a*@contoso.com"}},
		`access.scope.users[1] "A@b.example" is there twice`:          {Mode: "selected", Users: []string{"a@b.example", "A@b.example"}},
		`access.scope.groups[0] "Sa": give at least three characters`: {Mode: "selected", Groups: []string{"Sa"}},
		`access.scope.primaryUser "Adele Vance"`:                      {Mode: "all", PrimaryUser: "Adele Vance"},
		"the first one too many is user100@contoso.com":               {Mode: "selected", Users: crowd},
	} {
		_, err := aim(&account.Account{AppID: "app"}, Profile{}, events.Request{Access: events.Access{Scope: &s}})
		require.ErrorContains(t, err, says)
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	}
	_, err := aim(&account.Account{}, Profile{}, events.Request{Access: events.Access{Scope: &events.Scope{Mode: "selected", Users: crowd[:1]}}})
	assert.True(t, fault.Is(err, fault.RequestInvalid), err)
	_, err = aim(&account.Account{}, Profile{}, events.Request{Access: events.Access{Scope: &events.Scope{Mode: "all"}}})
	assert.NoError(t, err, "an account reads what its roles let it read")
}

func TestUsersAreTakenAwayAndGivenBackWithTheConnection(t *testing.T) {
	acc := account.Account{AppID: "app", UserPrincipalName: "vendor@contoso.example", Origin: account.Adopted, Grants: []account.Grant{
		{Kind: account.TargetUsers, Target: "app", Name: "users of vendor", State: account.GrantGiven, Ours: true},
	}}
	steps := Revocation(acc, events.Offboard{})
	require.NotEmpty(t, steps)
	var args events.RevokeArgs
	require.NoError(t, json.Unmarshal(steps[0].Args, &args))
	assert.Equal(t, events.RevokeArgs{Part: events.RevokeTargets, Target: "app", Name: "users of vendor"}, args)
	no := false
	assert.Empty(t, Revocation(acc, events.Offboard{RevokeConsents: &no}))

	right := account.AppPermission{Resource: "api", Name: "Mail.Read", Delegated: true}
	whole := acc
	whole.Grants = append([]account.Grant{
		{Kind: account.Application, Target: "app", Name: "vendor", State: account.GrantGiven, Ours: true},
		{Kind: right.Kind(), Target: right.Target("app"), Name: "Mail.Read", State: account.GrantGiven, Ours: true},
	}, acc.Grants...)
	var order []string
	for _, s := range Revocation(whole, events.Offboard{}) {
		order = append(order, s.Title)
	}
	assert.Equal(t, []string{"Revoke Mail.Read", "Revoke users of vendor", "Revoke vendor"}, order,
		"who was kept out stays out while the application holds anything")

	back := Restoration(account.Request{}, acc)
	require.Len(t, back, 1)
	assert.Equal(t, events.AssignTargets, back[0].Function)
	assert.JSONEq(t, `{"change":"sync"}`, string(back[0].Args))
}

func TestMaxTargetsOfAProfile(t *testing.T) {
	p := Profile{Name: "p", OnFailure: account.Compensate, Access: Access{MaxTargets: -1}}
	assert.ErrorContains(t, p.validate(), "access.maxTargets is -1")
}
