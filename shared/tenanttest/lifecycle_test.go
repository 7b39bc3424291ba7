package tenanttest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/tenantfake"
	"github.com/usher365/usher/shared/tenanttest"
)

const name = "lifecycle@contoso.onmicrosoft.com"

// patiently looks every virtual second for a virtual hour.
func patiently(t *testing.T, look func() bool) {
	t.Helper()
	for range 3600 {
		if look() {
			return
		}
		time.Sleep(time.Second)
	}
	require.Fail(t, "it did not come true within an hour")
}

func TestLifecycleInMemory(t *testing.T) {
	m := tenanttest.NewMemory()
	once := func(t *testing.T, look func() bool) { t.Helper(); require.True(t, look()) }
	tenanttest.Lifecycle(t, tenanttest.Harness{Users: m, Deleted: m, Roles: m, RoleGroups: m, Tenant: "tid", Name: name, Until: once})
}

func TestLifecycleOfTheClientsOnTheEmulator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := tenantfake.New(tenantfake.Options{Strict: true})
		server.AddTenant(tenantfake.DefaultTenant())
		directory, groups := clients(t, server)
		tenanttest.Lifecycle(t, tenanttest.Harness{
			Users: directory, Deleted: directory, Roles: directory, RoleGroups: groups,
			Tenant: tenantfake.DefaultTenantID, Name: name, Until: patiently,
		})
		require.Empty(t, server.SchemaViolations())
	})
}

func clients(t *testing.T, server *tenantfake.Server) (*entra.Client, *exchange.Client) {
	t.Helper()
	const host = "https://tenant.test"
	transport := &http.Client{Transport: server.Transport()}
	credential, err := azidentity.NewClientSecretCredential(tenantfake.DefaultTenantID, tenantfake.DefaultClientID, tenantfake.DefaultClientSecret,
		&azidentity.ClientSecretCredentialOptions{DisableInstanceDiscovery: true, ClientOptions: azcore.ClientOptions{
			Transport: transport, Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: host}}})
	require.NoError(t, err)
	credentials := func(account.TenantID) (azcore.TokenCredential, error) { return credential, nil }
	directory, err := entra.New(entra.Options{Credential: credentials, Endpoint: host, Scope: "https://graph.microsoft.com/.default", Transport: transport})
	require.NoError(t, err)
	groups, err := exchange.New(exchange.Options{Credential: credentials, Endpoint: host, Scope: "https://outlook.office365.com/.default", Transport: transport})
	require.NoError(t, err)
	_, err = directory.Domains(context.Background(), tenantfake.DefaultTenantID)
	require.NoError(t, err)
	return directory, groups
}
