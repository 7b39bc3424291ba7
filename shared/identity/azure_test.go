package identity_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/tenantfake"
)

// functionApp is an app on Azure: its end point of managed identities, whose calls are counted.
type functionApp struct {
	*clouds
	endpoint *httptest.Server
	// identity is the client id of the app's identity, another one in each test: azidentity keeps
	// the tokens of an identity for the whole process.
	identity string
	calls    int
	answer   http.HandlerFunc // in the place of the end point's, if set
}

func onAzure(t *testing.T) *functionApp {
	t.Helper()
	f := &functionApp{clouds: start(t, setting{}), identity: uuid.NewString()}
	home := f.entra.Tenant(string(tenantA))
	object := uuid.NewString()
	home.AddApp(tenantfake.App{ClientID: f.identity, ObjectID: object})
	_, err := f.entra.PutFederatedCredential(clientID, tenantfake.FederatedCredential{Issuer: home.Issuer(), Subject: object})
	require.NoError(t, err)

	real := home.ManagedIdentity("the-header", uuid.NewString(), f.identity)
	f.endpoint = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.calls++
		if f.answer != nil {
			f.answer(w, r)
			return
		}
		real.ServeHTTP(w, r)
	}))
	t.Cleanup(f.endpoint.Close)
	t.Setenv("IDENTITY_ENDPOINT", f.endpoint.URL+"/msi/token") // azidentity reads them itself
	t.Setenv("IDENTITY_HEADER", "the-header")
	return f
}

// environment is the app's, as an application or as the identity itself.
func (f *functionApp) environment(application bool) []string {
	pairs := []string{"IDENTITY_ENDPOINT", f.endpoint.URL, "AZURE_TENANT_ID", string(tenantA), "USHER_MANAGED_IDENTITY_CLIENT_ID", f.identity}
	if application {
		pairs = append(pairs, "AZURE_CLIENT_ID", clientID)
	}
	return pairs
}

func TestManagedIdentitySignsInAsTheApplication(t *testing.T) {
	f := onAzure(t)
	s := f.source(nil, f.environment(true)...)
	assert.Equal(t, identity.FederatedManagedIdentity, s.Method())
	for _, tenant := range []account.TenantID{tenantA, tenantB} {
		credential, err := s.Credential(tenant)
		require.NoError(t, err)
		got, err := ask(t, credential, graph)
		require.NoError(t, err)
		assert.Contains(t, decode(t, got), clientID)
	}
	assert.Equal(t, 1, f.calls, "one token of the identity serves every tenant")
	assert.Empty(t, f.sts.Calls())

	require.True(t, f.entra.Tenant(string(tenantA)).SetPermissions(clientID, []string{"User.ReadWrite.All"}, nil))
	credential, err := s.Fresh(tenantA)
	require.NoError(t, err)
	got, err := ask(t, credential, graph)
	require.NoError(t, err)
	assert.Contains(t, decode(t, got), "User.ReadWrite.All", "a grant shows at once, although Azure keeps the identity's own tokens")
}

func TestManagedIdentityItself(t *testing.T) {
	f := onAzure(t)
	s := f.source(nil, f.environment(false)...)
	assert.Equal(t, identity.ManagedIdentity, s.Method())
	get := func(give func(account.TenantID) (azcore.TokenCredential, error)) string {
		credential, err := give(tenantA)
		require.NoError(t, err)
		var got string
		for range 2 {
			got, err = ask(t, credential, graph)
			require.NoError(t, err)
		}
		return got
	}
	assert.Contains(t, decode(t, get(s.Credential)), f.identity)
	assert.Equal(t, 1, f.calls)
	require.True(t, f.entra.Tenant(string(tenantA)).SetPermissions(f.identity, []string{"User.ReadWrite.All"}, nil))
	assert.NotContains(t, decode(t, get(s.Credential)), "User.ReadWrite.All")
	assert.Contains(t, decode(t, get(s.Fresh)), "User.ReadWrite.All")
	assert.Equal(t, 2, f.calls, "past azidentity's own cache, once")

	_, err := s.Credential(tenantB)
	assert.Equal(t, fault.CredentialInvalid, fault.CodeOf(err))
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	for _, w := range []string{"not the home of the managed identity", "AZURE_CLIENT_ID", string(tenantA), string(tenantB)} {
		assert.ErrorContains(t, err, w)
	}
}

func TestManagedIdentityFailures(t *testing.T) {
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	for name, tt := range map[string]struct {
		before func(*functionApp)
		code   fault.Code
		class  fault.Class
		words  []string
	}{
		"no such identity": {func(f *functionApp) { f.identity = uuid.NewString() }, fault.WorkloadIdentityMissing, fault.Permanent,
			[]string{"USHER_MANAGED_IDENTITY_CLIENT_ID", "No User Assigned or Delegated Managed Identity found"}},
		"throttled":   {func(f *functionApp) { f.answer = status(429, "Retry-After", "17") }, fault.Throttled, fault.Transient, []string{"429"}},
		"unavailable": {func(f *functionApp) { f.answer = status(503) }, fault.ServiceUnavailable, fault.Transient, []string{"503"}},
		"starting":    {func(f *functionApp) { f.answer = status(404) }, fault.ServiceUnavailable, fault.Transient, []string{"404"}},
		"down":        {func(f *functionApp) { f.endpoint.Close() }, fault.Unreachable, fault.Transient, []string{"IDENTITY_ENDPOINT"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, application := range []bool{true, false} {
				f := onAzure(t)
				tt.before(f)
				credential, err := f.source(nil, f.environment(application)...).Credential(tenantA)
				require.NoError(t, err)
				_, err = ask(t, credential, graph)
				require.Error(t, err)
				assert.Equal(t, tt.code, fault.CodeOf(err), err)
				assert.Equal(t, tt.class, fault.ClassOf(err))
				for _, w := range tt.words {
					assert.ErrorContains(t, err, w)
				}
				if tt.code == fault.Throttled {
					assert.Equal(t, 17*time.Second, fault.RetryAfter(err))
				}
			}
		})
	}
}
