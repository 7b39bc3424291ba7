package bootstrap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
)

var trust = Trust{Issuer: "https://id.tokens.sts.global.api.aws", Subject: "arn:aws:iam::123456789012:role/usher-fullsync", Audience: DefaultAudience}

// sync is the read-only application as it is wanted.
func syncApp(t *testing.T, change ...func(*Options)) App {
	o := Options{Sync: []Trust{trust}}
	for _, c := range change {
		c(&o)
	}
	apps, err := Apps(o)
	require.NoError(t, err)
	return apps[1]
}

const globalReader = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"

// apis are the APIs as a tenant has them; a permission's id is its name in brackets.
func apis() map[string]entra.ServicePrincipal {
	all := map[string]entra.ServicePrincipal{}
	for _, r := range []Resource{Graph, Exchange} {
		p := entra.ServicePrincipal{ObjectID: "object of " + r.Name, AppID: r.AppID, Permissions: map[string]string{"AppRoleAssignment.ReadWrite.All": "<AppRoleAssignment.ReadWrite.All>", "Mail.Send": "<Mail.Send>"}}
		for _, rights := range []Rights{Provisioner(), Sync()} {
			for _, want := range rights.On(r) {
				p.Permissions[want.Name] = "<" + want.Name + ">"
			}
		}
		all[r.AppID] = p
	}
	return all
}

// whole is a tenant in which nothing is to be done.
func whole(want App) Found {
	f := Found{
		Application: &entra.Application{ObjectID: "registration", AppID: "client", AppSettings: entra.AppSettings{
			DisplayName: "Usher sync", SignInAudience: multiTenant, Tags: []string{"a person's", Mark}, RedirectURIs: []string{DefaultLanding},
		}},
		Principal: &entra.ServicePrincipal{ObjectID: "principal"},
		Roles:     []account.RoleAssignment{{ID: "ra", RoleID: globalReader, PrincipalID: "principal", Scope: "/"}},
		Resources: apis(),
	}
	for _, p := range want.Permissions {
		id := "<" + p.Name + ">"
		f.Application.Asks = append(f.Application.Asks, entra.Asked{ResourceAppID: p.Resource.AppID, PermissionID: id})
		f.Grants = append(f.Grants, entra.Grant{ID: "grant of " + p.Name, ResourceID: "object of " + p.Resource.Name, PermissionID: id})
	}
	for _, t := range want.Trusts {
		c := t.credential()
		c.ID = "credential"
		f.Federated = append(f.Federated, c)
	}
	return f
}

// differences are the lines that keep nothing, without their reasons.
func differences(p *Plan) (lines []string) {
	for _, l := range p.Lines {
		if l.Action != Keep {
			lines = append(lines, string(l.Action)+" "+l.Object)
		}
	}
	return lines
}

func TestPlanOfAnEmptyTenant(t *testing.T) {
	p, err := Compare(syncApp(t), Found{Resources: apis()})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"create application usher-sync", "add request for User.Read.All", "add request for RoleManagement.Read.Directory",
		"add request for Domain.Read.All", "add request for Exchange.ManageAsApp",
		"create service principal of usher-sync",
		"add federated credential of arn:aws:iam::123456789012:role/usher-fullsync at https://id.tokens.sts.global.api.aws",
		"add grant of User.Read.All", "add grant of RoleManagement.Read.Directory", "add grant of Domain.Read.All", "add grant of Exchange.ManageAsApp",
		"add directory role Global Reader",
	}, differences(p))
	assert.Equal(t, 8, p.Writes(), "the registration with its requests is one write")
	for _, l := range p.Lines {
		assert.NotEmpty(t, l.Reason, l.Object)
	}
}

func TestPlanOfTheMessenger(t *testing.T) {
	apps, err := Apps(Options{Name: "staging", Messenger: []Trust{trust}, NoHomeRights: true})
	require.NoError(t, err)
	require.Len(t, apps, 3)
	p, err := Compare(apps[2], Found{})
	require.NoError(t, err, "it needs no API")
	assert.Equal(t, []string{
		"create application staging-messenger", "create service principal of staging-messenger",
		"add federated credential of " + trust.Subject + " at " + trust.Issuer,
	}, differences(p))
	assert.Equal(t, `"Staging messenger", for the home tenant alone`, p.Lines[0].Reason)

	found := whole(apps[2])
	p, err = Compare(apps[2], found)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"change application staging-messenger", "change application staging-messenger", "remove redirect URI " + DefaultLanding,
		"remove directory role Global Reader",
	}, differences(p))
	assert.Equal(t, 2, p.Writes())
}

func TestPlanOfDrift(t *testing.T) {
	named := func(name, subject string) entra.FederatedCredential {
		return entra.FederatedCredential{ID: name, Name: name, Issuer: trust.Issuer, Subject: subject, Audiences: []string{DefaultAudience}}
	}
	for name, c := range map[string]struct {
		spoil  func(*Found)
		want   func(*Options)
		lines  []string
		writes int
	}{
		"nothing": {},
		"renamed": {spoil: func(f *Found) { f.Application.DisplayName = "Other" }, lines: []string{"change application usher-sync"}, writes: 1},
		"single tenant, renamed": {spoil: func(f *Found) { f.Application.DisplayName, f.Application.SignInAudience = "Other", "AzureADMyOrg" },
			lines: []string{"change application usher-sync", "change application usher-sync"}, writes: 1},
		"redirect URI": {spoil: func(f *Found) { f.Application.RedirectURIs = []string{"https://evil.example"} },
			lines: []string{"remove redirect URI https://evil.example", "add redirect URI " + DefaultLanding}, writes: 1},
		"asks too much": {spoil: func(f *Found) {
			f.Application.Asks = append(f.Application.Asks, entra.Asked{ResourceAppID: Graph.AppID, PermissionID: "<Mail.Send>"}, entra.Asked{ResourceAppID: "other", PermissionID: "x", Delegated: true})
		}, lines: []string{"remove request for Mail.Send", "remove request for x"}, writes: 1},
		"asks too little": {spoil: func(f *Found) { f.Application.Asks = f.Application.Asks[1:] }, lines: []string{"add request for User.Read.All"}, writes: 1},
		"granted too much": {spoil: func(f *Found) {
			f.Grants = append(f.Grants, entra.Grant{ID: "g", ResourceID: "object of Microsoft Graph", PermissionID: "<AppRoleAssignment.ReadWrite.All>"}, entra.Grant{ID: "h", ResourceID: "?", ResourceName: "Other API", PermissionID: "x"})
		}, lines: []string{"remove grant of AppRoleAssignment.ReadWrite.All", "remove grant of Other API x"}, writes: 2},
		"granted too little": {spoil: func(f *Found) { f.Grants = f.Grants[1:] }, lines: []string{"add grant of User.Read.All"}, writes: 1},
		"other role": {spoil: func(f *Found) { f.Roles[0].RoleID = account.GlobalAdministrator },
			lines: []string{"add directory role Global Reader", "remove directory role Global Administrator"}, writes: 2},
		"role of a unit": {spoil: func(f *Found) { f.Roles[0].Scope = "/administrativeUnits/u" },
			lines: []string{"add directory role Global Reader", "remove directory role Global Reader on /administrativeUnits/u"}, writes: 2},
		"stale subject": {spoil: func(f *Found) { f.Federated = append(f.Federated, named("usher-old", "old")) },
			lines: []string{"remove federated credential of old at " + trust.Issuer}, writes: 1},
		"foreign subject": {spoil: func(f *Found) { f.Federated = append(f.Federated, named("github", "old")) },
			lines: []string{"drift federated credential of old at " + trust.Issuer}},
		"ours under a name given by hand": {spoil: func(f *Found) { f.Federated[0].Name = "by-hand" }},
		"other audience": {spoil: func(f *Found) { f.Federated[0].Audiences = []string{"other"} },
			lines: []string{"change federated credential of " + trust.Subject + " at " + trust.Issuer}, writes: 1},
		"no subject given": {want: func(o *Options) { o.Sync = nil }, spoil: func(f *Found) { f.Federated = []entra.FederatedCredential{named("usher-old", "old")} }},
		"no subject given, a foreign one": {want: func(o *Options) { o.Sync = nil }, spoil: func(f *Found) { f.Federated = []entra.FederatedCredential{named("github", "old")} },
			lines: []string{"drift federated credential of old at " + trust.Issuer}},
		"no subject given, and none yet": {want: func(o *Options) { o.Sync = nil }, lines: []string{"drift federated credential"}},
		"secret and certificate": {spoil: func(f *Found) {
			f.Application.Secrets = []entra.Key{{ID: "id", Name: "old", Ends: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)}}
			f.Application.Certificates = []entra.Key{{ID: "id"}}
		}, lines: []string{"drift client secret old (ends 2027-01-02)", "drift certificate id"}},
		"no service principal": {spoil: func(f *Found) { f.Principal, f.Grants, f.Roles = nil, nil, nil }, writes: 6, lines: []string{
			"create service principal of usher-sync", "add grant of User.Read.All", "add grant of RoleManagement.Read.Directory",
			"add grant of Domain.Read.All", "add grant of Exchange.ManageAsApp", "add directory role Global Reader"}},
		"home not served": {want: func(o *Options) { o.NoHomeRights = true }, writes: 5, lines: []string{
			"remove grant of User.Read.All", "remove grant of RoleManagement.Read.Directory", "remove grant of Domain.Read.All",
			"remove grant of Exchange.ManageAsApp", "remove directory role Global Reader"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == nil {
				c.want = func(*Options) {}
			}
			want := syncApp(t, c.want)
			found := whole(want)
			if c.spoil != nil {
				c.spoil(&found)
			}
			p, err := Compare(want, found)
			require.NoError(t, err)
			assert.Equal(t, c.lines, differences(p))
			assert.Equal(t, c.writes, p.Writes())
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	want := syncApp(t)
	found := whole(want)
	found.Application.Tags = nil
	_, err := Compare(want, found)
	assert.ErrorContains(t, err, "not the tag usher-bootstrap")

	found = whole(want)
	delete(found.Resources, Exchange.AppID)
	_, err = Compare(want, found)
	assert.ErrorContains(t, err, "does not offer Exchange.ManageAsApp")
}

func TestOptionsRefused(t *testing.T) {
	many := make([]Trust, maxTrusts+1)
	for i := range many {
		many[i] = Trust{trust.Issuer, string(rune('a' + i)), DefaultAudience}
	}
	for says, o := range map[string]Options{
		"not one of at most 40":   {Name: "Not Good"},
		"is not an https address": {Landing: "http://x"},
		"the issuer":              {Sync: []Trust{{"", "role", DefaultAudience}}},
		"must not be empty":       {Sync: []Trust{{trust.Issuer, "", DefaultAudience}}},
		"is given twice":          {Provisioner: []Trust{trust, trust}},
		"messenger: the issuer":   {Messenger: []Trust{{"", "role", DefaultAudience}}},
		"21 subjects":             {Provisioner: many},
		"at most 600":             {Sync: []Trust{{trust.Issuer, string(make([]byte, 601)), DefaultAudience}}},
	} {
		_, err := Apps(o)
		assert.ErrorContains(t, err, says)
	}
}

// The whole list, so that it does not grow unseen.
func TestLeastPrivilege(t *testing.T) {
	names := func(r Rights) (list []string) {
		for _, p := range r.Permissions {
			assert.NotEmpty(t, p.Why, p.Name)
			list = append(list, p.Name)
		}
		for _, role := range r.Roles {
			assert.NotEmpty(t, role.Why)
			list = append(list, role.Name)
		}
		return list
	}
	assert.Equal(t, []string{"User.ReadWrite.All", "RoleManagement.ReadWrite.Directory", "Domain.Read.All", "Exchange.ManageAsApp", "Exchange Administrator"}, names(Provisioner()))
	assert.Equal(t, []string{"User.Read.All", "RoleManagement.Read.Directory", "Domain.Read.All", "Exchange.ManageAsApp", "Global Reader"}, names(Sync()))
	assert.Equal(t, Rights{App: "messenger", Why: "open the queues, and nothing else"}, Messenger())
	assert.Equal(t, []bool{false, false, true}, []bool{Provisioner().HomeOnly(), Sync().HomeOnly(), Messenger().HomeOnly()})

	r := Provisioner(Features()...)
	assert.False(t, r.tooMuch())
	r.Permissions = append(r.Permissions, Permission{Graph, "AppRoleAssignment.ReadWrite.All", "no good reason"})
	assert.True(t, r.tooMuch())
	assert.ErrorContains(t, App{Rights: r}.check(), "must not be in one application")
}

func TestCustomers(t *testing.T) {
	apps := []Outcome{{Plan: &Plan{App: syncApp(t)}, AppID: "client"}, {Plan: &Plan{App: syncApp(t)}}, {Plan: &Plan{App: App{Rights: Messenger()}}, AppID: "m"}}
	got := Customers([]account.Tenant{{Alias: "home", ID: "h"}, {Alias: "contoso", ID: "c"}}, "h", "https://login.example", apps)
	require.Len(t, got, 1)
	require.Len(t, got[0].Steps, 2, "customers need not know the messenger")
	assert.Equal(t, "https://login.example/c/adminconsent?client_id=client&redirect_uri=https%3A%2F%2Flogin.microsoftonline.com%2Fcommon%2Foauth2%2Fnativeclient", got[0].Steps[0].ConsentURL)
	assert.Equal(t, "Global Reader", got[0].Steps[0].Roles[0].Name)
	assert.Empty(t, got[0].Steps[1].ConsentURL)
}
