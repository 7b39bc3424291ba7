package tenantfake_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

// listen starts a real listener, on the real clock because the client libraries use it.
func listen(t *testing.T, edit ...func(*tenantfake.TenantSpec)) (*tenantfake.Server, *tenantfake.Listener, azcore.ClientOptions) {
	t.Helper()
	spec := tenantfake.DefaultTenant()
	for _, e := range edit {
		e(&spec)
	}
	s := tenantfake.New(tenantfake.Options{Strict: true})
	s.AddTenant(spec)
	l, err := s.Start("")
	require.NoError(t, err)
	client := l.Client()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		require.NoError(t, l.Close())
	})
	return s, l, azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1},
		Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: l.URL}}
}

var graphToken = policy.TokenRequestOptions{Scopes: []string{graphScope}, EnableCAE: true}

func TestAzidentitySecret(t *testing.T) {
	s, l, options := listen(t)
	cred, err := azidentity.NewClientSecretCredential(tenantfake.DefaultTenantID, tenantfake.DefaultClientID, tenantfake.DefaultClientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	require.NoError(t, err)
	for range 2 {
		token, err := cred.GetToken(t.Context(), graphToken)
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(t.Context(), "GET", l.URL+"/v1.0/users?%24top=1", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token.Token)
		resp, err := l.Client().Do(req)
		require.NoError(t, err)
		page := readJSON(t, resp)
		require.Equal(t, 200, resp.StatusCode)
		require.True(t, strings.HasPrefix(page["@odata.nextLink"].(string), l.URL+"/v1.0/users?"))
	}
	require.Equal(t, 2, s.Count(tenantfake.Login), "discovery and one token")

	wrong, err := azidentity.NewClientSecretCredential(tenantfake.DefaultTenantID, tenantfake.DefaultClientID, "wrong",
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	require.NoError(t, err)
	_, err = wrong.GetToken(t.Context(), graphToken)
	var failed *azidentity.AuthenticationFailedError
	require.ErrorAs(t, err, &failed)
	require.Contains(t, err.Error(), "AADSTS7000215")
}

func TestAzidentityCertificate(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	cert := certificate(t, key)
	s, _, options := listen(t, func(spec *tenantfake.TenantSpec) { spec.Apps[0].Certificates = []*x509.Certificate{cert} })
	credential := func() *azidentity.ClientCertificateCredential {
		cred, err := azidentity.NewClientCertificateCredential(tenantfake.DefaultTenantID, tenantfake.DefaultClientID, []*x509.Certificate{cert}, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
		require.NoError(t, err)
		return cred
	}
	_, err = credential().GetToken(t.Context(), graphToken)
	require.NoError(t, err)

	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	s.Tenant(tenantfake.DefaultTenantID).SetCertificates(tenantfake.DefaultClientID, certificate(t, other))
	_, err = credential().GetToken(t.Context(), graphToken)
	require.ErrorContains(t, err, "AADSTS700027")
}

func certificate(t *testing.T, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "usher"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

func TestListenerDropsConnections(t *testing.T) {
	s, l, _ := listen(t)
	s.Fault(tenantfake.Fault{Decision: tenantfake.Decision{Kind: tenantfake.DropAfter}, Service: tenantfake.Login, Times: -1})
	client := l.Client()
	defer client.CloseIdleConnections()
	_, err := client.Get(l.URL + "/" + tenantfake.DefaultTenantID + "/v2.0/.well-known/openid-configuration")
	require.Error(t, err)
	s.ClearFaults()
	resp, err := client.Get(l.URL + "/" + tenantfake.DefaultTenantID + "/v2.0/.well-known/openid-configuration")
	require.NoError(t, err)
	defer resp.Body.Close()
	var doc struct{ Issuer string }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&doc))
	require.Equal(t, l.URL+"/"+tenantfake.DefaultTenantID+"/v2.0", doc.Issuer)
	_, err = s.Start(strings.TrimPrefix(l.URL, "https://"))
	require.ErrorContains(t, err, "address already in use")
}
