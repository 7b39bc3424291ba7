package tenantfake

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// tokenExchangeAppID is the resource that TokenExchange stands for; it is the audience in a managed identity's own token.
const tokenExchangeAppID = "fb60f99c-7a34-4190-8149-302f77469936"

// Issuer returns what the tokens of the tenant's managed identities name as their issuer: the value for a federated identity credential
// whose subject is a managed identity's object id.
func (t *Tenant) Issuer() string {
	return "https://" + cloudHosts[t.spec.Cloud].login + "/" + t.ID() + "/v2.0"
}

// tenantOfIssuer returns the tenant whose Issuer this is, or nil.
func (s *Server) tenantOfIssuer(issuer string) *Tenant {
	all := s.Tenants()
	if i := slices.IndexFunc(all, func(t *Tenant) bool { return t.Issuer() == issuer }); i >= 0 {
		return all[i]
	}
	return nil
}

// ManagedIdentity returns the end point that Azure App Service and Functions give to an app (IDENTITY_ENDPOINT), which answers callers that
// send header as X-IDENTITY-HEADER (IDENTITY_HEADER). clientIDs name Apps of the tenant: the first is the system-assigned identity, and
// each can be asked for by its client id (reference: Azure App Service docs, REST endpoint reference of managed identities).
func (t *Tenant) ManagedIdentity(header string, clientIDs ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp := t.managedToken(header, clientIDs, r)
		for k, v := range resp.header {
			w.Header()[k] = v
		}
		w.WriteHeader(resp.status)
		if _, err := w.Write(resp.body); err != nil {
			panic(http.ErrAbortHandler) // the client has gone
		}
	})
}

func (t *Tenant) managedToken(header string, clientIDs []string, r *http.Request) *response {
	refuse := func(status int, text string) *response {
		return jsonResponse(status, map[string]any{"statusCode": status, "message": text})
	}
	q := r.URL.Query()
	if r.Method != http.MethodGet || q.Get("api-version") != "2019-08-01" || q.Get("resource") == "" {
		return refuse(http.StatusBadRequest, "The request needs GET, api-version 2019-08-01 and a resource.")
	}
	if got := r.Header.Get("X-IDENTITY-HEADER"); got == "" || got != header {
		return refuse(http.StatusUnauthorized, "The X-IDENTITY-HEADER is missing or wrong.")
	}
	id := pickIdentity(clientIDs, q)
	t.lock()
	defer t.mu.Unlock()
	a := t.app(id)
	if a == nil {
		return refuse(http.StatusBadRequest, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.")
	}
	token, ok := t.managedTokenFor(a, q.Get("resource"))
	if !ok {
		return refuse(http.StatusBadRequest, fmt.Sprintf("AADSTS500011: The resource principal named %s was not found in the tenant.", q.Get("resource")))
	}
	return jsonResponse(http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "resource": q.Get("resource"), "client_id": a.spec.ClientID,
		"expires_on": strconv.FormatInt(t.s.now().Add(t.spec.TokenLifetime).Unix(), 10),
	})
}

// pickIdentity returns the client id that is asked for, empty when the end point does not serve it.
func pickIdentity(clientIDs []string, q url.Values) string {
	want := q.Get("client_id")
	for _, id := range clientIDs {
		if want == "" || strings.EqualFold(id, want) {
			return id
		}
	}
	return ""
}

// managedTokenFor issues a token of a managed identity: one that others verify for TokenExchange, an access token for the other resources.
func (t *Tenant) managedTokenFor(a *app, resource string) (string, bool) {
	if resource != TokenExchange {
		known, ok := t.resource(resource)
		if !ok {
			return "", false
		}
		return t.issue(a, known, "https://"+cloudHosts[t.spec.Cloud].login), true
	}
	now := t.s.now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": t.Issuer(), "sub": a.spec.ObjectID, "aud": tokenExchangeAppID, "tid": t.ID(), "oid": a.spec.ObjectID, "azp": a.spec.ClientID,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(t.spec.TokenLifetime).Unix(),
	})
	token.Header["kid"] = signingKeyID
	signed, err := token.SignedString(t.s.signing())
	if err != nil {
		panic(fmt.Errorf("tenantfake: sign token: %w", err))
	}
	return signed, true
}
