package tenantfake_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestSaveAndLoad(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := newClient(t, func(spec *tenantfake.TenantSpec) {
		spec.PremiumP2 = true
		spec.Apps[0].Federated = []tenantfake.FederatedCredential{{Issuer: "i", Subject: "s"}}
		spec.Apps[0].Certificates = []*x509.Certificate{certificate(t, key)}
	})
	id := c.create("svc-kept")
	c.assign(id, security)
	gone := c.create("svc-gone")
	c.call(204, "DELETE", "/users/"+gone, nil)
	require.True(t, c.tenant.AddRoleGroupMemberByHand(viewOnly, id))
	require.True(t, c.tenant.AddMobileDevice(id, tenantfake.MobileDevice{DeviceID: "D1"}))

	var file bytes.Buffer
	require.NoError(t, c.server.Save(&file))
	for _, secret := range []string{usableOne, tenantfake.DefaultClientSecret} {
		require.NotContains(t, file.String(), secret)
	}

	saved := file.String()
	fresh := tenantfake.New(tenantfake.Options{Now: c.clock.now})
	require.NoError(t, fresh.Load(strings.NewReader(saved)))
	tenant := fresh.Tenant("contoso.onmicrosoft.com")
	require.Equal(t, c.tenant.Users(), tenant.Users())
	require.Equal(t, c.tenant.DeletedUsers(), tenant.DeletedUsers())
	require.Equal(t, c.tenant.RoleAssignments(), tenant.RoleAssignments())
	require.Equal(t, []string{id}, tenant.RoleGroupMembers(viewOnly))
	require.Equal(t, c.server.FederatedCredentials(tenantfake.DefaultClientID), fresh.FederatedCredentials(tenantfake.DefaultClientID))
	require.True(t, tenant.CheckPassword("svc-kept@contoso.onmicrosoft.com", usableOne))

	c.call(204, "DELETE", "/directory/deletedItems/"+gone, nil)
	require.NoError(t, c.server.Load(strings.NewReader(saved)), "a tenant in use is set back")
	require.Len(t, c.tenant.DeletedUsers(), 1)
	status, _ := c.invoke("Get-User", map[string]any{"Identity": id})
	require.Equal(t, 404, status, "replication to Exchange goes on where it was")
	c.clock.advance(20 * time.Minute)
	require.Len(t, c.rows("Get-MobileDevice", map[string]any{"Mailbox": id}), 1)
}

func TestLoadRefusesDamagedFiles(t *testing.T) {
	for name, file := range map[string]string{
		"not JSON":     "{",
		"other format": `{"Version":99}`,
		"no domain":    `{"Version":1,"Tenants":[{"Spec":{"ID":"x"}}]}`,
		"unknown role": `{"Version":1,"Tenants":[{"Spec":{"ID":"x","InitialDomain":"y"},"Roles":[{"RoleDefinitionID":"z"}]}]}`,
		"certificate":  `{"Version":1,"Tenants":[{"Spec":{"ID":"x","InitialDomain":"y"},"Apps":[{"Certificates":["AAAA"]}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := tenantfake.New(tenantfake.Options{})
			require.Error(t, s.Load(strings.NewReader(file)))
			require.Empty(t, s.Tenants())
		})
	}
}
