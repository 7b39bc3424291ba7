package tenantfake

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// presented is a client assertion as it was sent, not yet believed.
type presented struct {
	raw    string
	claims jwt.MapClaims
	issuer string
}

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

var malformedAssertion = aadsts(50027, "invalid_client", http.StatusUnauthorized, "JWT token is invalid or malformed.")

// assertion reads the client assertion of the request; nil when there is none.
func (c *loginCall) assertion() (*presented, *tokenError) {
	p := &presented{raw: c.form.Get("client_assertion"), claims: jwt.MapClaims{}}
	if p.raw == "" {
		return nil, nil
	}
	if c.form.Get("client_assertion_type") != jwtBearer {
		return p, aadsts(900144, "invalid_request", http.StatusBadRequest, "The request body must contain the following parameter: 'client_assertion_type'.")
	}
	if _, _, err := jwt.NewParser().ParseUnverified(p.raw, p.claims); err != nil {
		return p, malformedAssertion
	}
	issuer, err := p.claims.GetIssuer()
	if err != nil {
		return p, malformedAssertion
	}
	p.issuer = issuer
	return p, nil
}

// own reports whether the application itself made the assertion, with a certificate.
func (p *presented) own(clientID string) bool { return strings.EqualFold(p.issuer, clientID) }

// checkFederated verifies a token of another issuer. It may call that issuer, so no lock is held.
func (c *loginCall) checkFederated(p *presented, clientID string) *tokenError {
	trusted := c.s.FederatedCredentials(clientID)
	if e := p.match(trusted); e != nil {
		return e
	}
	keys, err := c.s.keysOf(c.r.Context(), p)
	if err != nil {
		return aadsts(90061, "invalid_request", http.StatusBadRequest, "Request to External OIDC endpoint failed.")
	}
	return p.verify(keys, c.s.now())
}

const federationHelp = "Check your federated identity credential Subject, Audience and Issuer against the presented assertion. " +
	"https://learn.microsoft.com/entra/workload-id/workload-identity-federation"

// match finds the credential that the assertion is for, in the order in which Entra tells what is wrong: issuer, subject, audience.
func (p *presented) match(trusted []FederatedCredential) *tokenError {
	unmatched := func(number int, what, value string) *tokenError {
		return aadsts(number, "invalid_client", http.StatusUnauthorized,
			fmt.Sprintf("No matching federated identity record found for presented assertion %s '%s'. %s", what, value, federationHelp))
	}
	trusted = slices.DeleteFunc(trusted, func(f FederatedCredential) bool { return f.Issuer != p.issuer })
	if len(trusted) == 0 {
		return unmatched(700211, "issuer", p.issuer)
	}
	subject, err := p.claims.GetSubject()
	if err != nil {
		return malformedAssertion
	}
	i := slices.IndexFunc(trusted, func(f FederatedCredential) bool { return f.Subject == subject })
	if i < 0 {
		if slices.ContainsFunc(trusted, func(f FederatedCredential) bool { return strings.EqualFold(f.Subject, subject) }) {
			return unmatched(7002138, "subject", subject) // only the case differs
		}
		return unmatched(700213, "subject", subject)
	}
	audiences, err := p.claims.GetAudience()
	if err != nil {
		return malformedAssertion
	}
	for _, audience := range audiences {
		if slices.Contains(trusted[i].Audiences, audience) || audience == tokenExchangeAppID && trusted[i].Audiences[0] == TokenExchange {
			return nil
		}
	}
	return unmatched(700212, "audience", strings.Join(audiences, ", "))
}

// notYet is how far the issuer's clock may be ahead of ours. An assertion past its end is refused at once: a client that
// presents one has a fault of its own.
const notYet = 5 * time.Minute

// verify checks signature and lifetime.
func (p *presented) verify(keys map[string]*rsa.PublicKey, now time.Time) *tokenError {
	var keyID string
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation()).Parse(p.raw, func(t *jwt.Token) (any, error) {
		keyID, _ = t.Header["kid"].(string)
		if key := keys[keyID]; key != nil {
			return key, nil
		}
		return nil, errNoSuchKey
	})
	switch {
	case errors.Is(err, errNoSuchKey):
		return aadsts(7000272, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(
			"The certificate with identifier %s used to sign the federated credential could not be found in the metadata of identity provider %s. Please validate that your Identity Provider's metadata exposes the key used to sign the incoming token.", keyID, p.issuer))
	case err != nil:
		return aadsts(50013, "invalid_client", http.StatusUnauthorized,
			"Assertion failed signature validation. [Reason - The provided signature value did not match the expected signature value.]")
	}
	return p.current(now)
}

var errNoSuchKey = errors.New("the issuer does not publish the key")

func (p *presented) current(now time.Time) *tokenError {
	ends, err := p.claims.GetExpirationTime()
	if err != nil || ends == nil {
		return malformedAssertion
	}
	begins := time.Unix(0, 0)
	for _, get := range []func() (*jwt.NumericDate, error){p.claims.GetNotBefore, p.claims.GetIssuedAt} {
		at, err := get()
		if err != nil {
			return malformedAssertion
		}
		if at != nil && at.After(begins) {
			begins = at.Time
		}
	}
	if now.Before(ends.Time) && !begins.After(now.Add(notYet)) {
		return nil
	}
	const format = "2006-01-02T15:04:05.0000000Z"
	return aadsts(700024, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(
		"Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
		now.UTC().Format(format), begins.UTC().Format(format), ends.UTC().Format(format)))
}

// issuerKeys remembers the keys that issuers publish, by issuer and key id.
type issuerKeys struct {
	by http.RoundTripper

	mu    sync.Mutex
	known map[string]map[string]*rsa.PublicKey
}

// keysOf returns the keys of the assertion's issuer: our own for a managed identity's token, else those that the issuer publishes, which
// are read again when the assertion's is not among them.
func (s *Server) keysOf(ctx context.Context, p *presented) (map[string]*rsa.PublicKey, error) {
	if s.tenantOfIssuer(p.issuer) != nil {
		return map[string]*rsa.PublicKey{signingKeyID: &s.signing().PublicKey}, nil
	}
	token, _, err := jwt.NewParser().ParseUnverified(p.raw, jwt.MapClaims{})
	if err != nil {
		return nil, err
	}
	keyID, _ := token.Header["kid"].(string)
	k := &s.issuers
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known[p.issuer][keyID] != nil {
		return k.known[p.issuer], nil
	}
	keys, err := k.read(ctx, p.issuer)
	if err == nil {
		k.known[p.issuer] = keys
	}
	return keys, err
}

// jwk is a public key as issuers publish it (RFC 7517).
type jwk struct {
	KeyID string `json:"kid"`
	Type  string `json:"kty"`
	N     string `json:"n"`
	E     string `json:"e"`
	Use   string `json:"use,omitempty"`
	Alg   string `json:"alg,omitempty"`
}

func (k *issuerKeys) read(ctx context.Context, issuer string) (map[string]*rsa.PublicKey, error) {
	if k.by == nil {
		return nil, errors.New("no way to reach issuers")
	}
	var doc struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := k.get(ctx, issuer+"/.well-known/openid-configuration", &doc); err != nil {
		return nil, err
	}
	if doc.Issuer != issuer {
		return nil, fmt.Errorf("the document of %s is of %s", issuer, doc.Issuer)
	}
	var set struct{ Keys []jwk }
	if err := k.get(ctx, doc.JWKSURI, &set); err != nil {
		return nil, err
	}
	keys := map[string]*rsa.PublicKey{}
	for _, published := range set.Keys {
		if published.Type != "RSA" {
			continue
		}
		key, err := published.rsa()
		if err != nil {
			return nil, err
		}
		keys[published.KeyID] = key
	}
	return keys, nil
}

func (k *issuerKeys) get(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if req.URL.Scheme != "https" {
		return fmt.Errorf("%s: an issuer is https", url)
	}
	resp, err := k.by.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d", url, resp.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(into)
}

func (k jwk) rsa() (*rsa.PublicKey, error) {
	n, err := base64.RawURLEncoding.DecodeString(k.N)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.KeyID, err)
	}
	e, err := base64.RawURLEncoding.DecodeString(k.E)
	if err != nil || len(e) == 0 || len(e) > 4 {
		return nil, fmt.Errorf("key %s: its exponent is damaged", k.KeyID)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
}

// signingKeyID names the key that signs the tokens which others verify.
const signingKeyID = "tenantfake-1"

// newSigningKey is of real randomness, whatever the server's options: crypto/rsa takes no other.
func newSigningKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Errorf("tenantfake: signing key: %w", err))
	}
	return key
}

// publishedKeys is the document at a tenant's jwks_uri.
func (s *Server) publishedKeys() map[string]any {
	public := s.signing().PublicKey
	return map[string]any{"keys": []jwk{{
		KeyID: signingKeyID, Type: "RSA", Use: "sig", Alg: "RS256", N: base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		E: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}}
}
