package tenantfake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// claims are what an access token carries. Roles and wids are those of the moment of issue.
type claims struct {
	jwt.RegisteredClaims
	Audience string   `json:"aud"` // one string on the wire, where the library would write a list
	TenantID string   `json:"tid"`
	AppID    string   `json:"appid"`
	ObjectID string   `json:"oid"`
	Roles    []string `json:"roles,omitempty"`
	WIDs     []string `json:"wids,omitempty"`
	Age      int      `json:"xms_fake_age,omitempty"`
}

// issue makes an access token. Clients must treat it as opaque, so an HMAC is signature enough.
func (t *Tenant) issue(a *app, resource, base string) string {
	now := t.s.now()
	roles := a.spec.Graph
	if resource == "https://"+cloudHosts[t.spec.Cloud].exchange {
		roles = a.spec.Exchange
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: base + "/" + t.ID() + "/v2.0", Subject: a.spec.ObjectID,
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(t.spec.TokenLifetime)),
		},
		Audience: resource, TenantID: t.ID(), AppID: a.spec.ClientID, ObjectID: a.spec.ObjectID,
		Roles: slices.Clone(roles), WIDs: t.wids(a), Age: t.tokenAge,
	})
	signed, err := token.SignedString(t.s.tokenKey)
	if err != nil {
		panic(fmt.Errorf("tenantfake: sign token: %w", err))
	}
	return signed
}

// authError is a way in which a bearer token can be wrong, in Graph's words.
type authError string

func (e authError) Error() string { return string(e) }

const (
	errNoToken       authError = "Access token is empty."
	errMalformed     authError = "CompactToken parsing failed with error code: 80049217"
	errExpiredToken  authError = "Access token has expired or is not yet valid."
	errWrongAudience authError = "Access token validation failure. Invalid audience."
)

// authenticate reads a bearer token for the service whose host in the tenant's cloud is picked by host.
func (s *Server) authenticate(authorization string, host func(Cloud) string) (*Tenant, *claims, error) {
	raw, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok || raw == "" {
		return nil, nil, errNoToken
	}
	c := &claims{}
	_, err := jwt.ParseWithClaims(raw, c, func(*jwt.Token) (any, error) { return s.tokenKey, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithTimeFunc(s.now))
	if errors.Is(err, jwt.ErrTokenExpired) || errors.Is(err, jwt.ErrTokenNotValidYet) {
		return nil, nil, errExpiredToken
	}
	if err != nil {
		return nil, nil, errMalformed
	}
	t := s.Tenant(c.TenantID)
	if t == nil {
		return nil, nil, errMalformed
	}
	if c.Audience != "https://"+host(t.spec.Cloud) {
		return t, nil, errWrongAudience
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.Age != t.tokenAge {
		return t, nil, errExpiredToken
	}
	return t, c, nil
}

// assertionMethods are the signatures that Entra takes of certificates.
var assertionMethods = []string{"RS256", "PS256", "ES256"}

func (c *loginCall) checkCertificate(a *app, assertion string) *tokenError {
	audience := c.base + c.r.URL.Path
	for _, cert := range a.spec.Certificates {
		if c.verify(assertion, cert.PublicKey, audience, a.spec.ClientID, a.spec.ClientID) == nil {
			return nil
		}
	}
	return catalogue(700027, a.spec.ClientID)
}

func (c *loginCall) verify(assertion string, key any, audience, issuer, subject string) error {
	_, err := jwt.Parse(assertion, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods(assertionMethods), jwt.WithTimeFunc(c.s.now), jwt.WithLeeway(5*time.Minute),
		jwt.WithAudience(audience), jwt.WithIssuer(issuer), jwt.WithSubject(subject), jwt.WithExpirationRequired())
	if err != nil {
		return fmt.Errorf("verify assertion: %w", err)
	}
	return nil
}
