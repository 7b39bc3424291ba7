// Package keyvaultfake is one Azure Key Vault in process: the secrets of its data
// plane, over TLS on the loopback interface. What it answers follows the service's
// documentation (Azure Key Vault REST API reference, secrets; "Azure Key Vault REST API
// error codes"; "Authentication, requests and responses").
package keyvaultfake

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Fault is what befalls every call while it is set.
type Fault int

// The faults.
const (
	// None is a service in good health.
	None Fault = iota
	// Throttled answers 429 with Retry-After: 10.
	Throttled
	// Denied answers 403 ForbiddenByRbac.
	Denied
	// Broken answers 500.
	Broken
	// Down cuts the connection.
	Down
	// LoseWrites does what is asked and cuts the connection instead of answering a write.
	LoseWrites
	// Echo refuses with a message that quotes the request.
	Echo
)

// URL is where the vault seems to be. Client leads there.
const URL = "https://usher-test.vault.azure.net"

// TenantID is the tenant that the vault trusts.
const TenantID = "b5bb1b8f-7e2f-4a77-8c60-6b7a4bd5b4d5"

const defaultResource = "https://vault.azure.net"

// Options of a Server.
type Options struct {
	// Now is the service's clock; nil means time.Now.
	Now func() time.Time
	// Transition is how long a deletion or a recovery takes; zero means no time.
	Transition time.Duration
	// Resource is what the challenge names; empty means https://vault.azure.net.
	Resource string
	// VersionsNotFound makes the list of versions of an absent secret a 404 instead of an
	// empty list. Which one the service answers is not documented.
	VersionsNotFound bool
}

// Server is the service. Close it.
type Server struct {
	options Options
	http    *httptest.Server

	mu      sync.Mutex
	fault   Fault
	secrets map[string]*secret
	calls   []string
	asked   []policy.TokenRequestOptions
	made    int
}

// New starts a vault without secrets.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Resource == "" {
		o.Resource = defaultResource
	}
	s := &Server{options: o, secrets: map[string]*secret{}}
	s.http = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	return s
}

// Close stops the service.
func (s *Server) Close() { s.http.Close() }

// Client reaches the service under any name, as if it had a certificate for it.
func (s *Server) Client() *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(s.http.Certificate())
	var dialer net.Dialer
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, s.http.Listener.Addr().String())
		},
	}}
}

// Fail sets what befalls calls from now on; None heals.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Calls lists method and path of the requests since the last Calls, in order, without
// those that were answered with the challenge.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// Asked lists what tokens were asked for.
func (s *Server) Asked() []policy.TokenRequestOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]policy.TokenRequestOptions(nil), s.asked...)
}

// Credential gives the identity that the vault lets in.
func (s *Server) Credential() azcore.TokenCredential { return credential{s} }

type credential struct{ server *Server }

// GetToken gives a token for what is asked, of use only where that is the vault's resource.
func (c credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.asked = append(c.server.asked, o)
	return azcore.AccessToken{Token: tokenFor(o.Scopes...), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func tokenFor(scopes ...string) string { return "token for " + strings.Join(scopes, " ") }

// refusal is an error of the service.
type refusal struct {
	status               int
	code, inner, message string
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	if s.fault == Down {
		cut(w)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+tokenFor(defaultResource+"/.default") {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer authorization=%q, resource=%q", "https://login.microsoftonline.com/"+TenantID, s.options.Resource))
		answer(w, nil, &refusal{http.StatusUnauthorized, "Unauthorized", "", "AKV10000: Request is missing a Bearer or PoP token."})
		return
	}
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	if s.fault != None && s.fault != LoseWrites {
		answer(w, nil, s.befall(w, body))
		return
	}
	result, no := s.call(r, body)
	if s.fault == LoseWrites && r.Method != http.MethodGet {
		cut(w)
		return
	}
	answer(w, result, no)
}

func (s *Server) befall(w http.ResponseWriter, body []byte) *refusal {
	switch s.fault {
	case Throttled:
		w.Header().Set("Retry-After", "10")
		return &refusal{http.StatusTooManyRequests, "Throttled", "", "Request was not processed because too many requests were received."}
	case Denied:
		return &refusal{http.StatusForbidden, "Forbidden", "ForbiddenByRbac", "Caller is not authorized to perform action on resource."}
	case Echo:
		return &refusal{http.StatusBadRequest, "BadParameter", "", "cannot use " + string(body)}
	}
	return &refusal{http.StatusInternalServerError, "InternalServerError", "", "An internal error occurred."}
}

// cut closes the connection without an answer.
func cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close() // the client sees the end of it, whatever Close says
	}
}

func answer(w http.ResponseWriter, result any, no *refusal) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	status := http.StatusOK
	if no != nil {
		status = no.status
		detail := map[string]any{"code": no.code, "message": no.message}
		if no.inner != "" {
			detail["innererror"] = map[string]string{"code": no.inner}
		}
		result = map[string]any{"error": detail}
	}
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(result); err != nil {
		panic(fmt.Sprintf("keyvaultfake: an answer cannot be written: %v", err))
	}
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a client that went away
}
