package bootstrap_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/usher/bootstrap"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/stsfake"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	operatorID = "0be4a704-0000-4000-8000-000000000001"
	issuer     = "https://id.tokens.sts.global.api.aws"
)

// allRights are what an application that runs the bootstrap needs.
var allRights = []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "RoleManagement.ReadWrite.Directory"}

// world is a home tenant, its operator, and a clock that goes on when somebody waits.
type world struct {
	t      *testing.T
	server *tenantfake.Server
	home   *tenantfake.Tenant
	apps   []bootstrap.App
	bootstrap.Session

	mu  sync.Mutex
	now time.Time
	// killed ends every wait, as the end of the process does.
	killed bool
}

func newWorld(t *testing.T, o ...func(*tenantfake.Options)) *world {
	w := &world{t: t, now: time.Now()}
	options := tenantfake.Options{Now: w.clock, Strict: true}
	for _, change := range o {
		change(&options)
	}
	w.server = tenantfake.New(options)
	w.home = w.server.AddTenant(tenantfake.DefaultTenant())
	w.home.AddApp(tenantfake.App{ClientID: operatorID, DisplayName: "operator", Secret: "operator", Graph: allRights})
	w.apps = wanted(t, bootstrap.Options{Provisioner: []bootstrap.Trust{subject("role/create"), subject("role/revoke")}, Sync: []bootstrap.Trust{subject("role/fullsync")}, Messenger: []bootstrap.Trust{subject("role/intake")}})
	w.Session = bootstrap.Session{Directory: w.directory(), Tenant: tenantfake.DefaultTenantID, Sleep: w.sleep}
	t.Cleanup(func() { assert.Empty(t, w.server.SchemaViolations()) })
	return w
}

func wanted(t *testing.T, o bootstrap.Options) []bootstrap.App {
	apps, err := bootstrap.Apps(o)
	require.NoError(t, err)
	return apps
}

func subject(name string) bootstrap.Trust {
	return bootstrap.Trust{Issuer: issuer, Subject: name, Audience: bootstrap.DefaultAudience}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) sleep(_ context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.killed {
		return context.Canceled
	}
	w.now = w.now.Add(d)
	return nil
}

// directory is the real client on the emulator, signed in as the operator, and with no retries of its own.
func (w *world) directory() *entra.Client {
	transport := &http.Client{Transport: w.server.Transport()}
	c, err := entra.New(entra.Options{
		Credential: func(id account.TenantID) (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(string(id), operatorID, "operator", &azidentity.ClientSecretCredentialOptions{
				ClientOptions: policy.ClientOptions{
					Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example.test"},
					Transport: transport, Retry: policy.RetryOptions{MaxRetries: -1},
				},
				DisableInstanceDiscovery: true,
			})
		},
		Endpoint: "https://graph.example.test", Scope: "https://graph.microsoft.com/.default", Transport: transport, Retries: -1,
	})
	require.NoError(w.t, err)
	return c
}

// applyAll applies all, and returns how many writes the emulator saw.
func (w *world) applyAll() (writes int, err error) {
	w.server.ResetLog()
	for _, a := range w.apps {
		if _, err = w.Apply(w.t.Context(), a); err != nil {
			break
		}
	}
	for _, c := range w.server.Log() {
		if c.Write() {
			writes++
		}
	}
	return writes, err
}

// whole asserts that everything is as it should be, and once.
func (w *world) whole() {
	w.t.Helper()
	made := w.home.Registrations()
	require.Len(w.t, made, len(w.apps))
	for i, a := range w.apps {
		o, err := w.Examine(w.t.Context(), a)
		require.NoError(w.t, err)
		assert.Zero(w.t, o.Writes(), "%v", o.Lines)
		assert.Equal(w.t, a.UniqueName, made[i].UniqueName)
		assert.Equal(w.t, map[bool]string{false: "AzureADMultipleOrgs", true: "AzureADMyOrg"}[a.HomeOnly()], made[i].SignInAudience)
		assert.Len(w.t, w.server.FederatedCredentials(o.AppID), len(a.Trusts))
	}
}

// With every feature there are four applications, and the third holds no directory role.
func TestApplyEveryFeature(t *testing.T) {
	w := newWorld(t)
	_, err := w.applyAll()
	require.NoError(t, err)
	w.apps = wanted(t, bootstrap.Options{Features: bootstrap.Features(), Consents: []bootstrap.Trust{subject("role/grantconsent")}, Messenger: []bootstrap.Trust{subject("role/intake")}})
	_, err = w.applyAll()
	require.NoError(t, err)
	assert.Len(t, w.home.Registrations(), 4)
	for i, roles := range []int{2, 1, 0, 0} {
		o, err := w.Examine(t.Context(), w.apps[i])
		require.NoError(t, err)
		assert.Zero(t, o.Writes(), "%v", o.Lines)
		held, err := w.RoleAssignments(t.Context(), tenantfake.DefaultTenantID, o.ObjectID)
		require.NoError(t, err)
		assert.Len(t, held, roles, w.apps[i].App)
	}
	w.apps = wanted(t, bootstrap.Options{})
	o, err := w.Examine(t.Context(), w.apps[0])
	require.NoError(t, err)
	assert.Equal(t, 7, o.Writes(), "what is no longer wanted goes: the requests, five permissions and a role: %v", o.Lines)
}

func TestApplyTwice(t *testing.T) {
	w := newWorld(t)
	writes, err := w.applyAll()
	require.NoError(t, err)
	assert.Equal(t, 20, writes)
	w.whole()
	writes, err = w.applyAll()
	require.NoError(t, err)
	assert.Zero(t, writes)
}

// A new application shows late everywhere, as in Entra.
func TestApplyWaitsForReplication(t *testing.T) {
	w := newWorld(t)
	for i, p := range []tenantfake.Path{tenantfake.ReadByID, tenantfake.ReadBacking, tenantfake.ReadPrincipal, tenantfake.ReadAssignments} {
		w.home.SetConsistency(p, tenantfake.Consistency{VisibleAfter: time.Duration(20*(i+1)) * time.Second})
	}
	_, err := w.applyAll()
	require.NoError(t, err)
	w.whole()
}

func TestApplyGivesUpWaiting(t *testing.T) {
	w := newWorld(t)
	w.home.SetConsistency(tenantfake.ReadBacking, tenantfake.Consistency{VisibleAfter: time.Hour})
	_, err := w.applyAll()
	assert.ErrorContains(t, err, "not known everywhere yet")
	w.home.SetConsistency(tenantfake.ReadBacking, tenantfake.Consistency{})
	_, err = w.applyAll()
	require.NoError(t, err)
	w.whole()
}

// Whatever call breaks off, before or after its effect, a second run completes, and
// nothing is there twice.
func TestInterruptedApply(t *testing.T) {
	reference := newWorld(t)
	_, err := reference.applyAll()
	require.NoError(t, err)
	n := 0
	for _, c := range reference.server.Log() {
		if c.Service != tenantfake.Graph {
			continue
		}
		n++
		interrupted(t, n, tenantfake.DropBefore)
		if c.Write() {
			interrupted(t, n, tenantfake.DropAfter)
		}
	}
}

// interrupted loses the nth call to Graph, and the process with it.
func interrupted(t *testing.T, n int, kind tenantfake.Kind) {
	w := newWorld(t)
	w.killed = true
	w.server.OnCall(func(c tenantfake.Call) tenantfake.Decision {
		if c.Service == tenantfake.Graph {
			n--
		}
		if c.Service == tenantfake.Graph && n == 0 {
			return tenantfake.Decision{Kind: kind}
		}
		return tenantfake.Decision{}
	})
	_, err := w.applyAll()
	require.Error(t, err, "%s at call %d", kind, n)
	w.killed = false
	_, err = w.applyAll()
	require.NoError(t, err, "%s at call %d", kind, n)
	w.whole()
}

func TestDriftIsRepaired(t *testing.T) {
	w := newWorld(t)
	_, err := w.applyAll()
	require.NoError(t, err)
	o, err := w.Examine(t.Context(), w.apps[1])
	require.NoError(t, err)
	w.home.SetPermissions(o.AppID, []string{"User.Read.All", "AppRoleAssignment.ReadWrite.All"}, nil)
	w.home.SetDirectoryRoles(o.AppID, "Global Administrator")
	w.apps[0].Trusts = w.apps[0].Trusts[:1]
	require.NoError(t, w.PutApplication(t.Context(), w.Tenant, "usher-sync", entra.AppSettings{
		DisplayName: "Renamed", SignInAudience: "AzureADMyOrg", Tags: []string{bootstrap.Mark}, RedirectURIs: []string{"https://evil.example"},
	}))
	_, err = w.applyAll()
	require.NoError(t, err)
	w.whole()
	for _, r := range w.home.RoleAssignments() {
		if r.PrincipalID == o.ObjectID {
			assert.Equal(t, "Global Reader", r.RoleName)
		}
	}
}

// The messenger's subject is exchanged, and what it was given is taken away.
func TestMessengerHasNoRights(t *testing.T) {
	w := newWorld(t)
	_, err := w.applyAll()
	require.NoError(t, err)
	o, err := w.Examine(t.Context(), w.apps[2])
	require.NoError(t, err)
	assert.Empty(t, w.home.Registrations()[2].RedirectURIs)
	assert.NotEmpty(t, o.ObjectID, "what the queues let in")

	w.home.SetPermissions(o.AppID, []string{"User.Read.All"}, nil)
	w.home.SetDirectoryRoles(o.AppID, "Global Reader")
	w.apps[2].Trusts = []bootstrap.Trust{subject("role/console"), subject("role/notify")}
	writes, err := w.applyAll()
	require.NoError(t, err)
	assert.Equal(t, 5, writes)
	w.whole()
	held, err := w.Grants(t.Context(), w.Tenant, o.ObjectID)
	require.NoError(t, err)
	assert.Empty(t, held)
	roles, err := w.RoleAssignments(t.Context(), w.Tenant, o.ObjectID)
	require.NoError(t, err)
	assert.Empty(t, roles)
	assert.Len(t, wanted(t, bootstrap.Options{}), 2, "without a subject no messenger is wanted")
}

func TestSecretsAreReportedAndLeft(t *testing.T) {
	w := newWorld(t)
	w.home.Register(tenantfake.Registration{UniqueName: "usher-sync", DisplayName: "Usher sync", Tags: []string{bootstrap.Mark}, Secrets: []string{"forgotten"}})
	_, err := w.applyAll()
	require.NoError(t, err)
	o, err := w.Examine(t.Context(), w.apps[1])
	require.NoError(t, err)
	last := o.Lines[len(o.Lines)-1]
	assert.Equal(t, bootstrap.Drift, last.Action)
	assert.Contains(t, last.Object, "forgotten")
	assert.Equal(t, []string{"forgotten"}, w.home.Registrations()[0].Secrets)
}

func TestForeignApplicationIsLeft(t *testing.T) {
	w := newWorld(t)
	w.home.Register(tenantfake.Registration{DisplayName: "Usher sync", Tags: []string{bootstrap.Mark}})
	before := w.home.Registrations()[0]
	_, err := w.applyAll()
	require.NoError(t, err)
	assert.Len(t, w.home.Registrations(), 4)
	assert.Equal(t, before, w.home.Registrations()[0])

	w = newWorld(t)
	w.home.Register(tenantfake.Registration{DisplayName: "Theirs", UniqueName: "usher-provisioner"})
	writes, err := w.applyAll()
	_, refused := errors.AsType[*bootstrap.Refused](err)
	assert.True(t, refused, err)
	assert.Zero(t, writes)
}

func TestOperatorLacksARight(t *testing.T) {
	for lacking, role := range map[string]string{
		"Application.ReadWrite.All":          "Application Administrator",
		"AppRoleAssignment.ReadWrite.All":    "Privileged Role Administrator",
		"RoleManagement.ReadWrite.Directory": "Privileged Role Administrator",
	} {
		w := newWorld(t)
		held := []string{"Application.Read.All", "RoleManagement.Read.Directory"}
		for _, p := range allRights {
			if p != lacking {
				held = append(held, p)
			}
		}
		w.home.SetPermissions(operatorID, held, nil)
		_, err := w.applyAll()
		denied, ok := errors.AsType[*bootstrap.Denied](err)
		require.True(t, ok, "%s: %v", lacking, err)
		assert.Equal(t, role, denied.Role)
		assert.Equal(t, lacking, denied.Permission)
		assert.Contains(t, err.Error(), role)

		w.home.SetPermissions(operatorID, allRights, nil)
		w.Directory = w.directory()
		_, err = w.applyAll()
		require.NoError(t, err)
		w.whole()
	}
	w := newWorld(t)
	w.home.SetPermissions(operatorID, nil, nil)
	_, err := w.Examine(t.Context(), w.apps[0])
	denied, ok := errors.AsType[*bootstrap.Denied](err)
	require.True(t, ok, err)
	assert.Equal(t, "Global Reader", denied.Role)
}

// What was made signs in with a token of AWS, in a tenant that has consented.
func TestWhatWasMadeSignsIn(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	w := newWorld(t, func(o *tenantfake.Options) {
		o.Issuers = stsfake.New(stsfake.Options{Now: o.Now, Issuer: issuer, Key: key}).Transport()
	})
	_, err = w.applyAll()
	require.NoError(t, err)
	customer := w.server.AddTenant(tenantfake.TenantSpec{InitialDomain: "fabrikam.onmicrosoft.com"})
	o, err := w.Examine(t.Context(), w.apps[1])
	require.NoError(t, err)
	require.True(t, customer.Consent(o.AppID))

	assert.Equal(t, http.StatusOK, w.signIn(customer.ID(), o.AppID, key, "role/fullsync"))
	assert.Equal(t, http.StatusUnauthorized, w.signIn(customer.ID(), o.AppID, key, "role/create"), "another's subject")
}

// signIn asks for a token with an assertion of AWS.
func (w *world) signIn(tenant, clientID string, key *rsa.PrivateKey, role string) int {
	unsigned := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": issuer, "sub": role, "aud": bootstrap.DefaultAudience, "iat": w.now.Unix(), "nbf": w.now.Unix(), "exp": w.now.Add(5 * time.Minute).Unix(),
	})
	unsigned.Header["kid"] = "stsfake-1"
	assertion, err := unsigned.SignedString(key)
	require.NoError(w.t, err)
	c := &http.Client{Transport: w.server.Transport()}
	resp, err := c.PostForm("https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token", url.Values{
		"client_id": {clientID}, "grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	})
	require.NoError(w.t, err)
	require.NoError(w.t, resp.Body.Close())
	return resp.StatusCode
}
