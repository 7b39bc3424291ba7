// Package stsfake is an AWS Security Token Service in process, as far as outbound web identity federation needs one: GetWebIdentityToken
// over the Query protocol, the issuer's discovery document and its keys. It is for tests; the real client drives it, with its base end point
// set to a listener's URL or its HTTP client using Transport.
package stsfake

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/google/uuid"
)

// DefaultIssuer is the issuer of a Server whose Options name none. AWS gives each account one of this form.
const DefaultIssuer = "https://00000000-0000-4000-8000-00000000a375.tokens.sts.global.api.aws"

// Options are the injected parts of a Server. The zero value is ready for use.
type Options struct {
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// NewID makes request ids and the tokens' jti. Nil means random UUIDs.
	NewID func() string
	// Issuer is the https URL that the tokens name, without a slash at the end. Empty means DefaultIssuer.
	Issuer string
	// Region is the one that requests must be signed for. Empty means eu-west-1.
	Region string
	// Key signs the tokens. Nil means a new RSA key.
	Key *rsa.PrivateKey
}

// Role is who the holder of an access key is.
type Role struct {
	// ARN is the subject of the tokens.
	ARN string
	// SessionEnds is when the role's session ends; no token may outlive it. Zero means never.
	SessionEnds time.Time
}

// Failure is an answer in the place of a token.
type Failure struct {
	// Status zero loses the connection.
	Status int
	// Code and Message are those of the error document. An empty Code answers a page that is not of the protocol.
	Code, Message string
}

// Call is one GetWebIdentityToken as the log keeps it, without its token.
type Call struct {
	Time time.Time
	// Role is the caller's ARN, empty when the caller is unknown.
	Role      string
	Audiences []string
	Algorithm string
	Seconds   int
	// Code is the error's code, empty for a token, "connection lost" for a Failure without a status.
	Code string
}

// Server is the service of one account in one region. Its methods may be called from several goroutines.
type Server struct {
	opts Options

	mu       sync.Mutex
	roles    map[string]Role
	disabled bool
	failures []Failure
	calls    []Call
}

// New makes a Server with federation enabled and no role.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Issuer == "" {
		o.Issuer = DefaultIssuer
	}
	if o.Region == "" {
		o.Region = "eu-west-1"
	}
	if o.Key == nil {
		o.Key = newKey()
	}
	return &Server{opts: o, roles: map[string]Role{}}
}

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Errorf("stsfake: signing key: %w", err))
	}
	return key
}

// Issuer returns what the tokens name as their issuer.
func (s *Server) Issuer() string { return s.opts.Issuer }

// SetRole says who signs with an access key.
func (s *Server) SetRole(accessKeyID string, r Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[accessKeyID] = r
}

// SetEnabled switches outbound web identity federation for the account.
func (s *Server) SetEnabled(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disabled = !on
}

// Fail makes the next n calls fail.
func (s *Server) Fail(n int, f Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.failures = append(s.failures, f)
	}
}

// Calls returns the calls so far, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// ServeHTTP answers POST / as the service, and the issuer's documents. A lost connection is http.ErrAbortHandler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /.well-known/openid-configuration":
		s.document(w, map[string]any{
			"issuer": s.opts.Issuer, "jwks_uri": s.opts.Issuer + "/.well-known/jwks.json", "claims_supported": []string{"aud", "exp", "iat", "iss", "jti", "sub"},
			"response_types_supported": []string{"id_token"}, "id_token_signing_alg_values_supported": []string{"RS256", "ES384"}, "subject_types_supported": []string{"public"},
		})
	case "GET /.well-known/jwks.json":
		s.document(w, map[string]any{"keys": []any{s.publicKey()}})
	case "POST /":
		s.serve(w, r)
	default:
		http.NotFound(w, r)
	}
}

const keyID = "stsfake-1"

func (s *Server) publicKey() map[string]string {
	return map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID, "n": base64.RawURLEncoding.EncodeToString(s.opts.Key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(s.opts.Key.E)).Bytes()),
	}
}

func (s *Server) document(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}

// Transport returns a RoundTripper that calls the server directly, in the caller's goroutine, without sockets. Any host is accepted.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

// errLost is what a client sees of a connection that was lost.
var errLost = errors.New("connection reset by peer")

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if r.Body != nil {
		defer r.Body.Close() // it has been read; what closing says about it changes nothing
	}
	defer func() {
		if gone := recover(); gone == http.ErrAbortHandler {
			resp, err = nil, errLost
		} else if gone != nil {
			panic(gone)
		}
	}()
	rec := httptest.NewRecorder()
	t.s.ServeHTTP(rec, r)
	resp = rec.Result()
	resp.Request = r
	return resp, r.Context().Err()
}
