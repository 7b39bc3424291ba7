package identity_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/identity"
)

const (
	authority = "https://login.example.com:8443"
	tenantA   = account.TenantID("0550b473-9fd2-4dbb-a058-a1640b4bf458")
	tenantB   = account.TenantID("11111111-1111-1111-1111-111111111111")
	clientID  = "22222222-2222-2222-2222-222222222222"
	canary    = "canary-secret-text"
)

func env(pairs ...string) func(string) (string, bool) {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

// entra is the sign-in service in process.
type entra struct {
	paths  []string
	forms  []url.Values
	status int
}

func (e *entra) Do(r *http.Request) (*http.Response, error) {
	e.paths = append(e.paths, r.URL.Host+r.URL.Path)
	base := "https://" + r.URL.Host + "/" + strings.Split(r.URL.Path, "/")[1]
	answer, status := fmt.Sprintf(`{"issuer":"%[1]s/v2.0","authorization_endpoint":"%[1]s/oauth2/v2.0/authorize","token_endpoint":"%[1]s/oauth2/v2.0/token"}`, base), 200
	if strings.HasSuffix(r.URL.Path, "/token") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		e.forms = append(e.forms, form)
		answer = fmt.Sprintf(`{"token_type":"Bearer","expires_in":3599,"access_token":"token-of-%s"}`, strings.Split(r.URL.Path, "/")[1])
		if e.status != 0 {
			answer, status = `{"error":"temporarily_unavailable"}`, e.status
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

func source(t *testing.T, service *entra, pairs ...string) *identity.Source {
	t.Helper()
	s, err := identity.New(identity.Options{Env: env(append(pairs, "AZURE_CLIENT_ID", clientID)...), AuthorityHost: authority, Transport: service})
	require.NoError(t, err)
	return s
}

func token(t *testing.T, s *identity.Source, tenant account.TenantID) (string, error) {
	t.Helper()
	c, err := s.Credential(tenant)
	require.NoError(t, err)
	got, err := c.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
	return got.Token, err
}

func TestSecretForSeveralTenants(t *testing.T) {
	service := &entra{}
	s := source(t, service, "AZURE_CLIENT_SECRET", canary)
	for range 2 {
		for _, tenant := range []account.TenantID{tenantA, tenantB} {
			got, err := token(t, s, tenant)
			require.NoError(t, err)
			assert.Equal(t, "token-of-"+string(tenant), got)
		}
	}
	assert.Len(t, service.paths, 4, "discovery and token once for each tenant: %v", service.paths)
	for _, p := range service.paths {
		assert.True(t, strings.HasPrefix(p, "login.example.com:8443/"), "nobody else is asked: %s", p)
	}
	assert.Equal(t, canary, service.forms[0].Get("client_secret"))
	assert.Equal(t, clientID, service.forms[0].Get("client_id"))
}

func TestCredentialIsKept(t *testing.T) {
	s := source(t, &entra{}, "AZURE_CLIENT_SECRET", canary)
	first, err := s.Credential(tenantA)
	require.NoError(t, err)
	again, err := s.Credential(tenantA)
	require.NoError(t, err)
	other, err := s.Credential(tenantB)
	require.NoError(t, err)
	assert.Same(t, first, again)
	assert.NotSame(t, first, other)
}

func TestOrderOfPreference(t *testing.T) {
	cert, file := certificate(t), filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("federated-token"), 0o600))

	service := &entra{}
	_, err := token(t, source(t, service, "AZURE_CLIENT_CERTIFICATE_PATH", cert, "AZURE_FEDERATED_TOKEN_FILE", file, "AZURE_CLIENT_SECRET", canary), tenantA)
	require.NoError(t, err)
	header, _, _ := strings.Cut(service.forms[0].Get("client_assertion"), ".")
	signed, err := base64.RawURLEncoding.DecodeString(header)
	require.NoError(t, err)
	assert.Contains(t, string(signed), "x5t")

	service = &entra{}
	_, err = token(t, source(t, service, "AZURE_CLIENT_CERTIFICATE_PATH", "", "AZURE_FEDERATED_TOKEN_FILE", file, "AZURE_CLIENT_SECRET", canary), tenantA)
	require.NoError(t, err)
	assert.Equal(t, "federated-token", service.forms[0].Get("client_assertion"))
}

// certificate writes a key and its certificate as PEM.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "usher"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, pem.Encode(&out, &pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	require.NoError(t, pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	path := filepath.Join(t.TempDir(), "usher.pem")
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	return path
}

func TestFailuresAreNotRetriedHere(t *testing.T) {
	service := &entra{status: http.StatusServiceUnavailable}
	_, err := token(t, source(t, service, "AZURE_CLIENT_SECRET", canary), tenantA)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), canary)
	assert.Len(t, service.forms, 1)
}

func TestNewRefuses(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.pem")
	require.NoError(t, os.WriteFile(broken, []byte(canary), 0o600))
	cases := map[string]struct {
		authority string
		env       []string
		words     []string
	}{
		"nothing": {"", nil, []string{"AZURE_CLIENT_ID", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_SECRET",
			"AWS gives a role", "managed identity"}},
		"AWS alone":              {"", []string{"AWS_LAMBDA_FUNCTION_NAME", "usher"}, []string{"AZURE_CLIENT_ID is not set"}},
		"managed identity alone": {"", []string{"IDENTITY_ENDPOINT", "http://localhost"}, []string{"AZURE_TENANT_ID is not set", "AZURE_CLIENT_ID"}},
		"no client id":           {"", []string{"AZURE_CLIENT_SECRET", canary}, []string{"AZURE_CLIENT_ID is not set"}},
		"no method":              {"", []string{"AZURE_CLIENT_ID", clientID, "AZURE_CLIENT_SECRET", ""}, []string{"set one of"}},
		"no certificate":         {"", []string{"AZURE_CLIENT_ID", clientID, "AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere.pem", "AZURE_CLIENT_SECRET", canary}, []string{"AZURE_CLIENT_CERTIFICATE_PATH cannot be read"}},
		"not a certificate": {"", []string{"AZURE_CLIENT_ID", clientID, "AZURE_CLIENT_CERTIFICATE_PATH", broken, "AZURE_CLIENT_CERTIFICATE_PASSWORD", canary},
			[]string{"holds no usable certificate", "AZURE_CLIENT_CERTIFICATE_PASSWORD"}},
		"no token file": {"", []string{"AZURE_CLIENT_ID", clientID, "AZURE_FEDERATED_TOKEN_FILE", "/nowhere"}, []string{"AZURE_FEDERATED_TOKEN_FILE cannot be read"}},
		"plain http":    {"http://login.example.com", []string{"AZURE_CLIENT_ID", clientID, "AZURE_CLIENT_SECRET", canary}, []string{"must begin with https://", "USHER_LOGIN_ENDPOINT"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := identity.New(identity.Options{Env: env(c.env...), AuthorityHost: c.authority})
			require.Error(t, err)
			for _, w := range c.words {
				assert.ErrorContains(t, err, w)
			}
			assert.NotContains(t, err.Error(), canary)
		})
	}
}

func TestWrongTenant(t *testing.T) {
	_, err := source(t, &entra{}, "AZURE_CLIENT_SECRET", canary).Credential("not a tenant")
	require.Error(t, err)
	assert.Equal(t, fault.TenantNotFound, fault.CodeOf(err))
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))
}

func TestMicrosoftsOwnHostsAreDiscovered(t *testing.T) {
	service := &entra{}
	s, err := identity.New(identity.Options{Env: env("AZURE_CLIENT_ID", clientID, "AZURE_CLIENT_SECRET", canary), Transport: service})
	require.NoError(t, err)
	_, err = token(t, s, tenantA)
	require.NoError(t, err)
	assert.Contains(t, service.paths[0], "/discovery/instance")
}

func TestCredentials(t *testing.T) {
	_, err := identity.Credentials(identity.Options{Env: env()})(tenantA)
	require.ErrorContains(t, err, "AZURE_CLIENT_ID", "what is wrong shows when it is needed")

	sign := identity.Credentials(identity.Options{Env: env("AZURE_CLIENT_ID", clientID, "AZURE_CLIENT_SECRET", canary)})
	one, err := sign(tenantA)
	require.NoError(t, err)
	again, err := sign(tenantA)
	require.NoError(t, err)
	assert.NotSame(t, one, again, "a new one each time: it has no token yet")
}

// The application that grants consents signs in as the other does, where there is one.
func TestForConsents(t *testing.T) {
	const consents = "33333333-3333-3333-3333-333333333333"
	for set, want := range map[string]string{"": clientID, consents: consents} {
		service := &entra{}
		s, err := identity.New(identity.Options{
			Env:           env("AZURE_CLIENT_SECRET", "a-secret", "AZURE_CLIENT_ID", clientID, "USHER_CONSENTS_CLIENT_ID", set),
			AuthorityHost: authority, Transport: service, ForConsents: true,
		})
		require.NoError(t, err)
		c, err := s.Credential(tenantA)
		require.NoError(t, err)
		_, err = c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
		require.NoError(t, err)
		assert.Equal(t, want, service.forms[0].Get("client_id"))
	}
}
