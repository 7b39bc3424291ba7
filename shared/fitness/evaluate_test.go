package fitness_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fitness"
)

const (
	userID   = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
	security = "194ae4cb-b126-40b2-bd5b-6091b380977d"
	exchange = "00000002-0000-0ff1-ce00-000000000000"
	graph    = "00000003-0000-0000-c000-000000000000"
)

var domains = []account.Domain{
	{Name: "contoso.onmicrosoft.com", Initial: true, Verified: true},
	{Name: "fed.contoso.com", Verified: true, Federated: true},
	{Name: "new.contoso.com"},
}

// facts are those of a tenant and a new account in whose way nothing stands.
func facts(edit ...func(*fitness.Facts)) fitness.Facts {
	f := fitness.Facts{Account: fitness.Account{UserPrincipalName: "svc@contoso.onmicrosoft.com"}, Domains: domains}
	for _, e := range edit {
		e(&f)
	}
	return f
}

// needs are those of a product that nobody watches.
func needs(edit ...func(*fitness.Needs)) fitness.Needs {
	n := fitness.Needs{Unattended: true, Roles: []string{security}, Applications: []string{exchange}, AppIdentity: fitness.AppRefused}
	for _, e := range edit {
		e(&n)
	}
	return n
}

// found gives the findings of one kind.
func found(all []fitness.Finding, c fitness.Code) (some []fitness.Finding) {
	for _, f := range all {
		if f.Code == c {
			some = append(some, f)
		}
	}
	return some
}

func TestNothingInTheWay(t *testing.T) {
	all := fitness.Evaluate(facts(), needs())
	require.Len(t, all, 1)
	assert.Equal(t, fitness.UseAppIdentity, all[0].Code)
	assert.Equal(t, fitness.Note, all[0].Severity)
}

func TestWhatStandsInTheWay(t *testing.T) {
	attended := func(n *fitness.Needs) { n.Unattended = false }
	existing := func(f *fitness.Facts) { f.Account.ObjectID, f.Account.Enabled = userID, true }
	for name, tt := range map[string]struct {
		facts    func(*fitness.Facts)
		needs    func(*fitness.Needs)
		code     fitness.Code
		severity fitness.Severity
		says     string
		remedy   string
	}{
		"security defaults":              {func(f *fitness.Facts) { f.SecurityDefaults = true }, nil, fitness.SecurityDefaults, fitness.Blocking, "no account can be excluded", "as an application"},
		"security defaults and a person": {func(f *fitness.Facts) { f.SecurityDefaults = true }, attended, fitness.SecurityDefaults, fitness.Warning, "administrators", "register a second factor"},
		"security defaults and no role":  {func(f *fitness.Facts) { f.SecurityDefaults = true }, func(n *fitness.Needs) { n.Roles = nil }, fitness.SecurityDefaults, fitness.Blocking, "register a second factor, and", "Entra ID P1"},
		"per-user MFA":                   {func(f *fitness.Facts) { f.Account.PerUserMFA = "enforced" }, nil, fitness.PerUserMFA, fitness.Blocking, "is enforced", "set it to disabled"},
		"per-user MFA and a person":      {func(f *fitness.Facts) { f.Account.PerUserMFA = "Enabled" }, attended, fitness.PerUserMFA, fitness.Warning, "is enabled", "register a second factor"},
		"admin portals":                  {nil, func(n *fitness.Needs) { n.AdminPortals = true }, fitness.MandatoryMFA, fitness.Blocking, "no setting of the tenant", "as an application"},
		"admin portals and a person":     {nil, func(n *fitness.Needs) { n.AdminPortals, n.Unattended = true, false }, fitness.MandatoryMFA, fitness.Warning, "Microsoft asks", "register"},
		"legacy authentication":          {nil, func(n *fitness.Needs) { n.Clients = []fitness.Client{fitness.Modern, fitness.Other} }, fitness.LegacyAuthentication, fitness.Warning, "legacy authentication", "ask the vendor"},
		"ActiveSync":                     {func(f *fitness.Facts) { f.SecurityDefaults = true }, func(n *fitness.Needs) { n.Clients = []fitness.Client{fitness.ActiveSync} }, fitness.LegacyAuthentication, fitness.Blocking, "security defaults block it", "ask the vendor"},
		"sign-in blocked":                {func(f *fitness.Facts) { existing(f); f.Account.Enabled = false }, nil, fitness.SignInBlocked, fitness.Blocking, "is blocked", "enable it in Entra"},
		"sign-in blocked on premises":    {func(f *fitness.Facts) { f.Account.ObjectID, f.Account.Synced = userID, true }, nil, fitness.SignInBlocked, fitness.Blocking, "is blocked", "on-premises"},
		"federated":                      {func(f *fitness.Facts) { f.Account.UserPrincipalName = "svc@FED.contoso.com" }, nil, fitness.DomainFederated, fitness.Blocking, "fed.contoso.com is federated", "contoso.onmicrosoft.com"},
		"federated and synced":           {func(f *fitness.Facts) { f.Account.UserPrincipalName, f.Account.Synced = "svc@fed.contoso.com", true }, attended, fitness.DomainFederated, fitness.Warning, "through its identity provider", "without a second factor"},
		"unknown domain":                 {func(f *fitness.Facts) { f.Account.UserPrincipalName = "svc@contoso.org" }, nil, fitness.DomainNotVerified, fitness.Blocking, "contoso.org", "contoso.onmicrosoft.com"},
		"unverified domain":              {func(f *fitness.Facts) { f.Account.UserPrincipalName = "svc@new.contoso.com" }, nil, fitness.DomainNotVerified, fitness.Blocking, "new.contoso.com", "verify"},
		"no licence": {func(f *fitness.Facts) { f.Account.Plans = []string{"AAD_PREMIUM"} },
			func(n *fitness.Needs) {
				n.Plans = []fitness.Plan{{For: "a mailbox", AnyOf: []string{"EXCHANGE_S_STANDARD", "EXCHANGE_S_ENTERPRISE"}}}
			},
			fitness.LicenceMissing, fitness.Blocking, "a mailbox", "EXCHANGE_S_STANDARD or EXCHANGE_S_ENTERPRISE"},
		"not read": {func(f *fitness.Facts) {
			f.Missing = []fitness.Missing{{"the security defaults", "Policy.Read.All is missing."}}
		}, nil,
			fitness.NotRead, fitness.Warning, "the security defaults: Policy.Read.All is missing.", "grant"},
	} {
		t.Run(name, func(t *testing.T) {
			f, n := facts(), needs()
			if tt.facts != nil {
				tt.facts(&f)
			}
			if tt.needs != nil {
				tt.needs(&n)
			}
			all := fitness.Evaluate(f, n)
			some := found(all, tt.code)
			require.Len(t, some, 1, "%+v", all)
			assert.Equal(t, tt.severity, some[0].Severity)
			assert.Contains(t, some[0].Text, tt.says)
			assert.Contains(t, some[0].Remedy, tt.remedy)
			assert.Empty(t, some[0].Policy)
		})
	}
}

func TestAllIsWell(t *testing.T) {
	f := facts(func(f *fitness.Facts) {
		f.Account = fitness.Account{ObjectID: userID, Enabled: true, UserPrincipalName: "svc@contoso.onmicrosoft.com", PerUserMFA: "disabled", Plans: []string{"exchange_s_enterprise"}}
	})
	n := needs(func(n *fitness.Needs) {
		n.Plans = []fitness.Plan{{For: "a mailbox", AnyOf: []string{"EXCHANGE_S_STANDARD", "EXCHANGE_S_ENTERPRISE"}}}
	})
	assert.Len(t, fitness.Evaluate(f, n), 1)
	f.Domains = nil
	assert.Len(t, fitness.Evaluate(f, n), 1, "domains that were not read accuse nobody")
}

func TestAppIdentity(t *testing.T) {
	for kind, tt := range map[fitness.AppIdentity]struct {
		free, inTheWay fitness.Severity
		says           string
	}{
		fitness.AppAccepted: {fitness.Note, fitness.Warning, "can sign in as an application"},
		fitness.AppRefused:  {fitness.Note, fitness.Note, "does not offer it"},
		fitness.AppUnknown:  {fitness.Note, fitness.Note, "if the product can"},
		fitness.AppOnly:     {fitness.Note, fitness.Note, "signs in as an application"},
	} {
		n := needs(func(n *fitness.Needs) { n.AppIdentity = kind })
		for on, severity := range map[bool]fitness.Severity{false: tt.free, true: tt.inTheWay} {
			some := found(fitness.Evaluate(facts(func(f *fitness.Facts) { f.SecurityDefaults = on }), n), fitness.UseAppIdentity)
			require.Len(t, some, 1)
			assert.Equal(t, severity, some[0].Severity, kind)
			assert.Contains(t, some[0].Text, tt.says)
		}
	}
	n := needs(func(n *fitness.Needs) { n.AppIdentity = fitness.AppOnly })
	assert.Len(t, fitness.Evaluate(facts(func(f *fitness.Facts) { f.SecurityDefaults = true }), n), 1, "nothing of it concerns an application")
}

func TestTheWorstComesFirst(t *testing.T) {
	all := fitness.Evaluate(facts(func(f *fitness.Facts) {
		f.Missing = []fitness.Missing{{"x", "y"}}
		f.Account.ObjectID = userID
		f.SecurityDefaults = true
	}), needs(func(n *fitness.Needs) { n.Clients = []fitness.Client{fitness.Other} }))
	order := []fitness.Severity{fitness.Blocking, fitness.Warning, fitness.Note}
	at := 0
	for _, f := range all {
		for f.Severity != order[at] {
			at++
			require.Less(t, at, len(order), "%+v", all)
		}
		assert.NotEmpty(t, f.Text)
	}
}
