package profile_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/profile"
)

const publicKey = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"

func TestTheRequestWinsOverTheProfileAndThatOverTheTenant(t *testing.T) {
	byAge := account.Delivery{Method: account.DeliverByAge, Recipients: []string{publicKey}}
	for name, c := range map[string]struct {
		profile profile.Delivery
		asked   *events.Delivery
		tenant  account.Delivery
		want    account.Delivery
	}{
		"nothing said":        {want: account.Delivery{Method: account.DeliverToVault}},
		"the tenant":          {tenant: byAge, want: byAge},
		"the profile":         {profile: profile.Delivery{Method: account.DeliverByLink, Keep: true}, tenant: byAge, want: account.Delivery{Method: account.DeliverByLink, Keep: true}},
		"the request":         {profile: profile.Delivery(byAge), asked: &events.Delivery{Method: "vault"}, want: account.Delivery{Method: account.DeliverToVault}},
		"the profile's keys":  {profile: profile.Delivery(byAge), asked: &events.Delivery{Method: "age"}, want: byAge},
		"the request's keys":  {profile: profile.Delivery(byAge), asked: &events.Delivery{Method: "age", Recipients: []string{"k"}}, want: account.Delivery{Method: account.DeliverByAge, Recipients: []string{"k"}}},
		"the older word":      {asked: &events.Delivery{Method: "oneTimeLink"}, want: account.Delivery{Method: account.DeliverByLink}},
		"the profile's vault": {profile: profile.Delivery{Method: account.DeliverToVault}, tenant: byAge, want: account.Delivery{Method: account.DeliverToVault}},
	} {
		got, err := profile.DeliveryOf(profile.Profile{Delivery: c.profile}, c.asked, account.Tenant{Delivery: c.tenant})
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
}

func TestDeliveriesThatAreRefused(t *testing.T) {
	no := false
	for name, c := range map[string]struct {
		change func(*events.Request)
		says   string
	}{
		"age without a key": {func(r *events.Request) { r.Delivery = &events.Delivery{Method: "age"} }, "delivery.recipients"},
		"a link with a key": {func(r *events.Request) { r.Delivery = &events.Delivery{Method: "link", Recipients: []string{"k"}} }, "delivery.recipients"},
		"no such method":    {func(r *events.Request) { r.Delivery = &events.Delivery{Method: "pigeon"} }, "delivery.method"},
		"a reference out of place": {func(r *events.Request) {
			r.Account.Password = &events.Password{Generate: &no, Reference: "aws-secretsmanager:other/x"}
		}, "passwordReferences"},
		"a reference upwards": {func(r *events.Request) {
			r.Account.Password = &events.Password{Generate: &no, Reference: "aws-secretsmanager:usher/../x"}
		}, "passwordReferences"},
		"the place itself": {func(r *events.Request) {
			r.Account.Password = &events.Password{Generate: &no, Reference: "aws-secretsmanager:usher/"}
		}, "passwordReferences"},
		"a reference and made": {func(r *events.Request) {
			yes := true
			r.Account.Password = &events.Password{Generate: &yes, Reference: "aws-secretsmanager:usher/x"}
		}, "generate"},
		"brought and handed over": {func(r *events.Request) {
			r.Account.Password, r.Delivery = &events.Password{Generate: &no, Reference: "aws-secretsmanager:usher/x"}, &events.Delivery{Method: "link"}
		}, "account.password.reference"},
		"brought for an existing one": {func(r *events.Request) {
			r.Account.Mode, r.Account.Password = "existing", &events.Password{Generate: &no, Reference: "aws-secretsmanager:usher/x"}
		}, "account.password.reference"},
		"handed over of an existing one": {func(r *events.Request) { r.Account.Mode, r.Delivery = "existing", &events.Delivery{Method: "link"} }, "not ours"},
	} {
		_, err := planned(c.change)
		require.ErrorContains(t, err, c.says, name)
		assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err), name)
		assert.NotContains(t, err.Error(), "usher/x", name)
	}
}

func planned(change func(*events.Request)) (profile.Planned, error) {
	req := events.Request{Action: "onboard", Account: events.Account{UserName: "svc"}, Access: events.Access{DirectoryRoles: []string{"Global Reader"}}}
	change(&req)
	tenant := contoso
	tenant.PasswordReferences = []string{"aws-secretsmanager:usher/"}
	return profile.Plan(profile.Profile{Rotation: profile.Rotation{Days: 90}}, req, tenant, now)
}

func TestTheHandOverIsTheLastStep(t *testing.T) {
	p, err := planned(func(r *events.Request) { r.Delivery = &events.Delivery{Method: "age", Recipients: []string{publicKey}} })
	require.NoError(t, err)
	assert.Equal(t, "handover", p.Steps[len(p.Steps)-1].Name)
	assert.Equal(t, 90, p.Account.Password.RotateDays)
	var args events.HandOverArgs
	require.NoError(t, json.Unmarshal(p.Steps[len(p.Steps)-1].Args, &args))
	assert.Equal(t, events.HandOverArgs{Part: events.HandOverDeliver, Method: "age", Recipients: []string{publicKey}}, args)

	p, err = planned(func(*events.Request) {})
	require.NoError(t, err)
	assert.NotContains(t, names(p.Steps), "handover", "a password that stays in the vault takes no step")
}

func TestAPasswordThatIsBroughtIsNeitherMadeNorRotated(t *testing.T) {
	no := false
	p, err := planned(func(r *events.Request) {
		r.Account.Password = &events.Password{Generate: &no, Reference: "aws-secretsmanager:usher/x"}
	})
	require.NoError(t, err)
	assert.Contains(t, string(p.Steps[len(p.Steps)-2].Args)+string(p.Steps[0].Args), `"passwordReference":"aws-secretsmanager:usher/x"`)
	assert.Zero(t, p.Account.Password.RotateDays)
}

func TestARotationTakesRolesOnlyForAMoment(t *testing.T) {
	acc := managed(account.Created)
	acc.Grants = append(acc.Grants,
		account.Grant{Kind: account.DirectoryRole, Target: account.GlobalAdministrator, Name: "Global Administrator", State: account.GrantGiven, Ours: true},
		account.Grant{Kind: account.DirectoryRole, Target: "t", Name: "Taken", State: account.GrantTaken, Ours: true},
		account.Grant{Kind: account.DirectoryRole, Target: "f", Name: "Foreign", State: account.GrantGiven})
	assert.Equal(t, []string{
		"reset-early", "revoke-role-global-administrator", "revoke-role-global-reader", "reset",
		"assignrole-global-administrator", "assignrole-global-reader", "handover",
	}, names(profile.RotationOf(acc, account.Delivery{Method: account.DeliverByLink})))
	acc.Grants = nil
	assert.Equal(t, []string{"reset"}, names(profile.RotationOf(acc, account.Delivery{})))
}

func TestAnOffboardingWithdrawsTheLinkBeforeItDisables(t *testing.T) {
	acc := managed(account.Created)
	acc.Grants, acc.Password.Handovers = nil, 1
	assert.Equal(t, []string{"withdraw", "disable", "revoke-sessions", "delete"}, names(profile.Revocation(acc, events.Offboard{})))
}
