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

// hybrid is contoso with an on-premises domain.
func hybrid() account.Tenant {
	t := contoso
	t.ActiveDirectory = account.ActiveDirectory{BaseDN: "DC=corp,DC=example", OU: "OU=Services"}
	return t
}

func syncedPlan(t *testing.T, tenant account.Tenant, change func(*events.Request, *profile.Profile)) (profile.Planned, error) {
	t.Helper()
	p, _ := builtin(t).Get("kaspersky-quarantine")
	req := events.Request{Action: "onboard", Account: events.Account{Mode: "synced", Domain: "contoso.com"}}
	change(&req, &p)
	return profile.Plan(p, req, tenant, now)
}

func TestASyncedAccountIsMadeThenWaitedFor(t *testing.T) {
	for ou, change := range map[string]func(*events.Request, *profile.Profile){
		"OU=Services": func(*events.Request, *profile.Profile) {},
		"OU=Vendors":  func(_ *events.Request, p *profile.Profile) { p.Account.ActiveDirectory.OU = "OU=Vendors" },
	} {
		planned, err := syncedPlan(t, hybrid(), change)
		require.NoError(t, err)
		made := names(planned.Steps)
		assert.Contains(t, made, "assignrole-security-administrator")
		at := 0
		for made[at] != profile.StepCreate {
			at++
		}
		assert.Equal(t, profile.StepAwaitSync, made[at+1], "nothing is given before Entra shows the account")
		var create, await events.CreateArgs
		require.NoError(t, json.Unmarshal(planned.Steps[at].Args, &create))
		require.NoError(t, json.Unmarshal(planned.Steps[at+1].Args, &await))
		assert.Equal(t, ou, create.OnPremises.OU)
		assert.Equal(t, []string{"Kaspersky quarantine access, managed by Usher"}, create.OnPremises.Attributes["description"])
		assert.False(t, create.AwaitSync)
		assert.True(t, await.AwaitSync)
		assert.Equal(t, events.Create, planned.Steps[at+1].Function)
		assert.Equal(t, account.OnPremises{Domain: "DC=corp,DC=example"}, planned.Account.OnPremises)
		assert.Equal(t, account.Created, planned.Account.Origin)
	}
}

func TestSyncedRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		tenant account.Tenant
		change func(*events.Request, *profile.Profile)
		code   fault.Code
		says   string
	}{
		"NoDomain":      {contoso, func(*events.Request, *profile.Profile) {}, fault.ADNotConfigured, "tenants[].activeDirectory"},
		"UsageLocation": {hybrid(), func(r *events.Request, _ *profile.Profile) { r.Account.UsageLocation = "GB" }, fault.RequestInvalid, "account.usageLocation"},
		"NotTheGuide": {hybrid(), func(_ *events.Request, p *profile.Profile) { p.Account.Modes = []profile.Mode{profile.Create} }, fault.RequestInvalid,
			"account.mode synced: profile kaspersky-quarantine does not allow it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := syncedPlan(t, tt.tenant, tt.change)
			require.ErrorContains(t, err, tt.says)
			assert.Equal(t, tt.code, fault.CodeOf(err))
		})
	}
}

func TestAProfileWithABadActiveDirectory(t *testing.T) {
	for want, text := range map[string]string{
		"ou":         "account: {activeDirectory: {ou: Services}}",
		"attributes": "account: {activeDirectory: {attributes: {'bad name': [x]}}}",
		"field port": "account: {activeDirectory: {port: 1}}",
		"minItems":   "account: {activeDirectory: {attributes: {description: []}}}",
	} {
		_, err := profile.Load(file("bad.yaml", "name: mine\ntitle: T\nvendor: V\naccess: {}\n"+text+"\n"), check(t))
		require.ErrorContains(t, err, "bad.yaml", want)
	}
}
