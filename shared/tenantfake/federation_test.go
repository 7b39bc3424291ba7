package tenantfake_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

const (
	issuerURL = "https://tokens.example"
	roleARN   = "arn:aws:iam::123456789012:role/usher"
)

var issuerKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// issuer publishes one key, in process.
type issuer struct {
	down  bool
	keyID string
	calls int
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.calls++
	if i.down {
		return nil, errors.New("connection refused")
	}
	answer := map[string]any{"issuer": issuerURL, "jwks_uri": issuerURL + "/keys"}
	if r.URL.Path == "/keys" {
		n := base64.RawURLEncoding.EncodeToString(issuerKey().N.Bytes())
		e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(issuerKey().E)).Bytes())
		answer = map[string]any{"keys": []any{map[string]any{"kty": "EC"}, map[string]any{"kty": "RSA", "kid": i.keyID, "n": n, "e": e}}}
	}
	rec := httptest.NewRecorder()
	err := json.NewEncoder(rec).Encode(answer)
	return rec.Result(), err
}

func claimsOf(c *client) jwt.MapClaims {
	return jwt.MapClaims{"iss": issuerURL, "sub": roleARN, "aud": tenantfake.TokenExchange,
		"iat": c.clock.now().Unix(), "exp": c.clock.now().Add(5 * time.Minute).Unix()}
}

func signed(t *testing.T, key *rsa.PrivateKey, keyID string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = keyID
	out, err := token.SignedString(key)
	require.NoError(t, err)
	return out
}

// exchange presents a client assertion.
func (c *client) exchange(tenant, assertion string) (int, map[string]any) {
	c.t.Helper()
	return c.tokenRequest(tenant, url.Values{"client_id": {tenantfake.DefaultClientID}, "grant_type": {"client_credentials"}, "scope": {graphScope},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}})
}

// federate is a client whose application trusts roleARN, in two tenants.
func federate(t *testing.T) (*client, *issuer) {
	t.Helper()
	i := &issuer{keyID: "k1"}
	c := newClientOf(t, tenantfake.Options{Issuers: i}, func(spec *tenantfake.TenantSpec) {
		spec.Apps[0].Federated = []tenantfake.FederatedCredential{{Name: "aws", Issuer: issuerURL, Subject: roleARN}}
	})
	c.server.AddTenant(tenantfake.TenantSpec{ID: fabrikam, InitialDomain: "fabrikam.onmicrosoft.com", Apps: []tenantfake.App{{ClientID: tenantfake.DefaultClientID,
		Federated: []tenantfake.FederatedCredential{{Issuer: issuerURL, Subject: roleARN}}}}})
	return c, i
}

const fabrikam = "11111111-1111-1111-1111-111111111111"

func TestFederatedAssertions(t *testing.T) {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	tests := []struct {
		name  string
		set   func(*client, *issuer)
		edit  func(*client, jwt.MapClaims)
		key   *rsa.PrivateKey
		keyID string
		code  int // 0: a token
	}{
		{name: "good"},
		{name: "not yet, by a clock ahead", edit: func(c *client, m jwt.MapClaims) { m["nbf"] = c.clock.now().Add(time.Minute).Unix() }},
		{name: "issuer", edit: func(_ *client, m jwt.MapClaims) { m["iss"] = issuerURL + "/" }, code: 700211},
		{name: "no issuer", edit: func(_ *client, m jwt.MapClaims) { delete(m, "iss") }, code: 700211},
		{name: "subject", edit: func(_ *client, m jwt.MapClaims) { m["sub"] = roleARN + "2" }, code: 700213},
		{name: "subject's case", edit: func(_ *client, m jwt.MapClaims) { m["sub"] = strings.ToUpper(roleARN) }, code: 7002138},
		{name: "audience", edit: func(_ *client, m jwt.MapClaims) { m["aud"] = []string{"api://other"} }, code: 700212},
		{name: "expired", edit: func(c *client, m jwt.MapClaims) { m["exp"] = c.clock.now().Unix() }, code: 700024},
		{name: "not yet", edit: func(c *client, m jwt.MapClaims) { m["nbf"] = c.clock.now().Add(time.Hour).Unix() }, code: 700024},
		{name: "no end", edit: func(_ *client, m jwt.MapClaims) { delete(m, "exp") }, code: 50027},
		{name: "odd subject", edit: func(_ *client, m jwt.MapClaims) { m["sub"] = 1 }, code: 50027},
		{name: "odd audience", edit: func(_ *client, m jwt.MapClaims) { m["aud"] = []any{1} }, code: 50027},
		{name: "odd issuer", edit: func(_ *client, m jwt.MapClaims) { m["iss"] = 1 }, code: 50027},
		{name: "signature", key: stranger, code: 50013},
		{name: "unknown key", keyID: "k2", code: 7000272},
		{name: "issuer is down", set: func(_ *client, i *issuer) { i.down = true }, code: 90061},
		{name: "taken away", code: 700211, set: func(c *client, _ *issuer) {
			f := c.server.FederatedCredentials(tenantfake.DefaultClientID)
			require.Len(c.t, f, 1)
			require.True(c.t, c.server.RemoveFederatedCredential(tenantfake.DefaultClientID, f[0].ID))
			require.False(c.t, c.server.RemoveFederatedCredential(tenantfake.DefaultClientID, f[0].ID))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, i := federate(t)
			if tt.set != nil {
				tt.set(c, i)
			}
			claims := claimsOf(c)
			if tt.edit != nil {
				tt.edit(c, claims)
			}
			key, keyID := tt.key, tt.keyID
			if key == nil {
				key = issuerKey()
			}
			if keyID == "" {
				keyID = i.keyID
			}
			for _, tenant := range []string{tenantfake.DefaultTenantID, fabrikam} {
				status, body := c.exchange(tenant, signed(t, key, keyID, claims))
				if tt.code == 0 {
					require.Equal(t, 200, status, body)
					continue
				}
				require.Equal(t, []any{float64(tt.code)}, body["error_codes"], body)
			}
		})
	}
}

func TestIssuersKeysAreKept(t *testing.T) {
	c, i := federate(t)
	for range 3 {
		status, body := c.exchange(fabrikam, signed(t, issuerKey(), "k1", claimsOf(c)))
		require.Equal(t, 200, status, body)
	}
	require.Equal(t, 2, i.calls, "the document and the keys")
	i.keyID = "k2" // the issuer changes its key
	status, body := c.exchange(fabrikam, signed(t, issuerKey(), "k2", claimsOf(c)))
	require.Equal(t, 200, status, body)
	require.Equal(t, 4, i.calls)
}

func TestOtherAlgorithmsAreRefused(t *testing.T) {
	c, _ := federate(t)
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodPS256, jwt.SigningMethodRS512} {
		token := jwt.NewWithClaims(method, claimsOf(c))
		token.Header["kid"] = "k1"
		raw, err := token.SignedString(issuerKey())
		require.NoError(t, err)
		_, body := c.exchange(fabrikam, raw)
		require.Equal(t, []any{50013.0}, body["error_codes"])
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, claimsOf(c)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	_, body := c.exchange(fabrikam, none)
	require.Equal(t, []any{50013.0}, body["error_codes"])
	_, body = c.exchange(fabrikam, "x.y.z")
	require.Equal(t, []any{50027.0}, body["error_codes"])
}

func TestFederatedCredentialRules(t *testing.T) {
	c := newClient(t)
	put := func(f tenantfake.FederatedCredential) (tenantfake.FederatedCredential, error) {
		return c.server.PutFederatedCredential(strings.ToUpper(tenantfake.DefaultClientID), f)
	}
	first, err := put(tenantfake.FederatedCredential{Name: "one", Issuer: "https://i", Subject: "s"})
	require.NoError(t, err)
	require.Equal(t, []string{tenantfake.TokenExchange}, first.Audiences)

	first.Subject = "S"
	_, err = put(first)
	require.NoError(t, err, "the same id replaces")
	_, err = put(tenantfake.FederatedCredential{Name: "one", Issuer: "https://j", Subject: "s"})
	require.ErrorIs(t, err, tenantfake.ErrFederatedExists)
	_, err = put(tenantfake.FederatedCredential{Issuer: "https://i", Subject: "S"})
	require.ErrorIs(t, err, tenantfake.ErrFederatedExists)
	for _, wrong := range []tenantfake.FederatedCredential{{Subject: "s"}, {Issuer: "i"}, {Issuer: "i", Subject: strings.Repeat("s", 601)},
		{Issuer: "i", Subject: "s", Audiences: []string{"a", "b"}}} {
		_, err = put(wrong)
		require.Error(t, err)
	}
	for i := range 19 {
		_, err = put(tenantfake.FederatedCredential{Issuer: "https://i", Subject: strconv.Itoa(i)})
		require.NoError(t, err)
	}
	_, err = put(tenantfake.FederatedCredential{Issuer: "https://i", Subject: "one too many"})
	require.ErrorIs(t, err, tenantfake.ErrFederatedTooMany)
	require.Len(t, c.server.FederatedCredentials(tenantfake.DefaultClientID), 20)
}

func TestManagedIdentity(t *testing.T) {
	const user, system = "22222222-2222-2222-2222-222222222222", "33333333-3333-3333-3333-333333333333"
	c := newClient(t, func(spec *tenantfake.TenantSpec) {
		spec.Apps = append(spec.Apps, tenantfake.App{ClientID: system, ObjectID: "5a1f0000-0000-4000-8000-00000000a992", Graph: []string{"User.Read.All"}}, tenantfake.App{ClientID: user})
	})
	endpoint := c.tenant.ManagedIdentity("the-header", system, user)
	get := func(header string, query ...string) (int, map[string]any) {
		q := url.Values{"api-version": {"2019-08-01"}}
		for i := 0; i < len(query); i += 2 {
			q.Set(query[i], query[i+1])
		}
		r := httptest.NewRequest(http.MethodGet, "/msi/token?"+q.Encode(), nil)
		r.Header.Set("X-IDENTITY-HEADER", header)
		rec := httptest.NewRecorder()
		endpoint.ServeHTTP(rec, r)
		raw, err := io.ReadAll(rec.Body)
		require.NoError(t, err)
		body := map[string]any{}
		require.NoError(t, json.Unmarshal(raw, &body))
		return rec.Code, body
	}

	status, body := get("the-header", "resource", "https://graph.microsoft.com")
	require.Equal(t, 200, status, body)
	c.graph = body["access_token"].(string)
	c.get("/users")
	assert.Equal(t, system, body["client_id"])
	assert.Equal(t, strconv.FormatInt(c.clock.now().Add(time.Hour).Unix(), 10), body["expires_on"])

	status, body = get("the-header", "resource", tenantfake.TokenExchange, "client_id", strings.ToUpper(user))
	require.Equal(t, 200, status, body)
	assert.Equal(t, user, body["client_id"])

	for name, refused := range map[string]struct {
		status int
		header string
		query  []string
	}{
		"header":   {401, "wrong", []string{"resource", tenantfake.TokenExchange}},
		"version":  {400, "the-header", []string{"resource", tenantfake.TokenExchange, "api-version", "2017-09-01"}},
		"resource": {400, "the-header", []string{"resource", "https://nobody.example"}},
		"nothing":  {400, "the-header", nil},
		"identity": {400, "the-header", []string{"resource", tenantfake.TokenExchange, "client_id", tenantfake.DefaultClientID}},
	} {
		status, body = get(refused.header, refused.query...)
		assert.Equal(t, refused.status, status, "%s: %v", name, body)
	}

	// The identity's token signs in as the application, in every tenant, without a call to an issuer.
	c.server.AddTenant(tenantfake.TenantSpec{ID: fabrikam, InitialDomain: "fabrikam.onmicrosoft.com", Apps: []tenantfake.App{{ClientID: tenantfake.DefaultClientID}}})
	_, err := c.server.PutFederatedCredential(tenantfake.DefaultClientID, tenantfake.FederatedCredential{Issuer: c.tenant.Issuer(), Subject: "5a1f0000-0000-4000-8000-00000000a992"})
	require.NoError(t, err)
	_, body = get("the-header", "resource", tenantfake.TokenExchange)
	status, answer := c.exchange(fabrikam, body["access_token"].(string))
	require.Equal(t, 200, status, answer)
}
