package tenanttest_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/consent"
	"github.com/usher365/usher/shared/entra"
	hostclients "github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenantfake"
	"github.com/usher365/usher/shared/tenanttest"
)

const (
	callBack = "https://usher.example/consent"
	adele    = "0e0e0000-0000-4000-8000-000000000001"
)

func TestConsentLifecycleInMemory(t *testing.T) {
	m := tenanttest.NewMemory()
	once := func(t *testing.T, look func() bool) { t.Helper(); require.True(t, look()) }
	tenanttest.ConsentLifecycle(t, tenanttest.ConsentHarness{Applications: m, Delegations: m, ConsentPolicies: m, Tenant: "tid", User: "user-1", Until: once})
}

// consentWorld is Contoso, whose replicas lag, beside a vendor that offers an application.
func consentWorld(t *testing.T) (*tenantfake.Server, *tenantfake.Tenant, *entra.Client) {
	t.Helper()
	server := tenantfake.New(tenantfake.Options{Strict: true})
	world := server.AddTenant(tenantfake.DefaultTenant())
	world.SetPermissions(tenantfake.DefaultClientID, []string{"Domain.Read.All", "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All",
		"DelegatedPermissionGrant.ReadWrite.All", "Policy.Read.All", "Policy.ReadWrite.ConsentRequest"}, nil)
	for _, path := range []tenantfake.Path{tenantfake.ReadByID, tenantfake.ReadPrincipal, tenantfake.ReadGrants, tenantfake.ReadPolicies} {
		world.SetConsistency(path, tenantfake.Consistency{VisibleAfter: 40 * time.Second})
	}
	mail, mailFor := "810c84a8-4a9e-49e6-bf7d-12d183f40d01", "570282fd-fa5c-430d-a7fd-fc8dc98a9dca"
	server.AddTenant(tenantfake.TenantSpec{InitialDomain: "vendor.onmicrosoft.com"}).Register(tenantfake.Registration{
		ClientID: tenanttest.VendorApp, DisplayName: "Vendor's connector", SignInAudience: "AzureADMultipleOrgs", RedirectURIs: []string{callBack},
		Permissions: map[string][]string{tenanttest.GraphAPI: {mail}}, Delegated: map[string][]string{tenanttest.GraphAPI: {mailFor}},
	})
	directory, _ := clients(t, server)
	return server, world, directory
}

func TestConsentLifecycleOfTheClientOnTheEmulator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _, directory := consentWorld(t)
		tenanttest.ConsentLifecycle(t, tenanttest.ConsentHarness{
			Applications: directory, Delegations: directory, ConsentPolicies: directory,
			Tenant: tenantfake.DefaultTenantID, User: adele, Until: patiently,
		})
		require.Empty(t, server.SchemaViolations())
	})
}

func vendorsNeeds() []account.AppPermission {
	return []account.AppPermission{{Resource: tenanttest.GraphAPI, Name: "Mail.Read"}, {Resource: tenanttest.GraphAPI, Name: "Mail.Read", Delegated: true}}
}

// The handler over the real client, while answers are lost and replicas lag.
func TestDirectConsentOnTheEmulator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, world, directory := consentWorld(t)
		for _, path := range []string{"/servicePrincipals", "/servicePrincipals/{id}/appRoleAssignedTo", "/oauth2PermissionGrants"} {
			server.Fault(tenantfake.Fault{Method: http.MethodPost, Path: path, Decision: tenantfake.Decision{Kind: tenantfake.DropAfter}})
		}
		task := step.Task[events.GrantConsentArgs]{Tenant: account.Tenant{ID: tenantfake.DefaultTenantID}}
		task.Args = events.GrantConsentArgs{AppID: tenanttest.VendorApp, App: "Vendor's connector"}
		task.Account.Grants = []account.Grant{{Kind: account.Application, Target: tenanttest.VendorApp, State: account.GrantPlanned, Ours: true}}
		for _, p := range vendorsNeeds() {
			task.Args.Permissions = append(task.Args.Permissions, events.AppPermission(p))
			task.Account.Grants = append(task.Account.Grants, account.Grant{Kind: p.Kind(), Target: p.Target(tenanttest.VendorApp), State: account.GrantPlanned, Ours: true})
		}
		h := grantconsent.New(directory, directory, directory)
		patiently(t, func() bool {
			res, err := h.Handle(context.Background(), task)
			if res.Learn != nil {
				res.Learn(&task.Account)
			}
			return err == nil && !res.Again
		})
		for _, g := range task.Account.Grants {
			assert.True(t, g.Ours)
			assert.Equal(t, account.GrantGiven, g.State)
		}
		held, err := directory.AppPermissions(context.Background(), tenantfake.DefaultTenantID, tenanttest.VendorApp)
		require.NoError(t, err)
		assert.ElementsMatch(t, vendorsNeeds(), held)
		assert.Len(t, world.DelegatedGrants(), 1)
		withdraw(t, directory, task.Account)
		assert.Empty(t, world.DelegatedGrants())
		require.Empty(t, server.SchemaViolations())
	})
}

// withdraw takes everything away again: the permissions, then the application.
func withdraw(t *testing.T, directory *entra.Client, acc account.Account) {
	t.Helper()
	part := revoke.NewConsents(directory, directory, directory)
	for i := range acc.Grants {
		g := &acc.Grants[(i+1)%len(acc.Grants)]
		task := step.Task[events.RevokeArgs]{Tenant: account.Tenant{ID: tenantfake.DefaultTenantID}, Account: acc, Now: time.Now()}
		task.Args = events.RevokeArgs{Part: events.RevokePart(g.Kind), Target: g.Target, Name: g.Name}
		patiently(t, func() bool {
			res, err := part.Handle(context.Background(), task)
			if res.Learn != nil {
				res.Learn(&task.Account)
			}
			return err == nil && !res.Again
		})
		assert.Equal(t, account.GrantTaken, g.State, g.Target)
	}
	_, there, err := directory.ServicePrincipal(context.Background(), tenantfake.DefaultTenantID, tenanttest.VendorApp)
	require.NoError(t, err)
	assert.False(t, there)
}

// pile is a consent.Store for one caller at a time.
type pile map[string][]byte

func (p pile) Note(_ context.Context, name string) ([]byte, error) { return p[name], nil }

func (p pile) SwapNote(_ context.Context, name string, _, value []byte) (bool, error) {
	p[name] = value
	return true, nil
}

// An administrator opens the link, the browser brings the answer back, and the tenant says
// whether it is true.
func TestConsentLinkOnTheEmulator(t *testing.T) {
	for name, tt := range map[string]struct {
		answer tenantfake.ConsentAnswer
		said   consent.Outcome
		proved consent.Outcome
	}{
		"Consents": {tenantfake.ConsentAnswer{}, consent.Claimed, consent.Granted},
		"Declines": {tenantfake.ConsentAnswer{Declined: true}, consent.Declined, consent.Incomplete},
		"Stranger": {tenantfake.ConsentAnswer{Tenant: "vendor.onmicrosoft.com"}, consent.OtherTenant, consent.Incomplete},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, _, directory := consentWorld(t)
				server.OnConsentPage(func(tenantfake.ConsentPrompt) tenantfake.ConsentAnswer { return tt.answer })
				desk := consent.New(pile{}, consent.Options{})
				address, _, err := desk.Issue(context.Background(), consent.Ask{
					Request: "req-1", Step: "grantconsent", Tenant: tenantfake.DefaultTenantID, AppID: tenanttest.VendorApp,
					Login: "https://login.microsoftonline.com", Scope: "https://graph.microsoft.com/.default", RedirectURI: callBack,
				})
				require.NoError(t, err)
				v, err := desk.Judge(context.Background(), browse(t, server, address.Reveal()))
				require.NoError(t, err)
				assert.Equal(t, tt.said, v.Outcome, v.Reason)
				time.Sleep(time.Minute)
				proved, err := consent.Prove(context.Background(), hostclients.Proof{Directory: directory}, tenantfake.DefaultTenantID, tenanttest.VendorApp, vendorsNeeds())
				require.NoError(t, err)
				assert.Equal(t, tt.proved, proved.Outcome, proved.Reason)
			})
		})
	}
}

// browse opens an address and returns the query of the redirect that it ends in.
func browse(t *testing.T, server *tenantfake.Server, address string) url.Values {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	resp, err := server.Transport().RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusFound, resp.StatusCode)
	back, err := resp.Location()
	require.NoError(t, err)
	return back.Query()
}
