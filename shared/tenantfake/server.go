package tenantfake

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// maxBody is the largest request body accepted, in bytes after decompression (Graph's own limit is 4 MB).
const maxBody = 4 << 20

// Options are the injected parts of a Server. The zero value is ready for use.
type Options struct {
	// Now is the clock of the whole emulator: token life, replication, purge, throttling. Nil means time.Now, which is virtual inside a
	// testing/synctest bubble.
	Now func() time.Time
	// Rand is the source of object ids, request ids, salts and the order of batch answers. Nil means crypto/rand; give a seeded reader
	// (math/rand/v2.ChaCha8) to get the same ids again.
	Rand io.Reader
	// Strict refuses, with 400, request bodies that hold a property or a type unknown to Microsoft's schema, and checks every Graph
	// answer too. Violations are recorded (SchemaViolations) in request bodies always, in answers only when Strict.
	Strict bool
	// Issuers reads the discovery documents and keys of the issuers that federated identity credentials name, for example a
	// stsfake.Server's Transport. Nil means that no issuer can be reached: their assertions are refused with AADSTS90061.
	Issuers http.RoundTripper
	// LogLimit is the number of calls kept by Log; the oldest are dropped. Zero means 100,000.
	LogLimit int
}

// Server is a Microsoft 365 service with any number of tenants. Its methods may be called from several goroutines.
type Server struct {
	now      func() time.Time
	strict   bool
	logLimit int
	tokenKey []byte
	signing  func() *rsa.PrivateKey // of tokens that others verify; made when first asked for

	randMu sync.Mutex
	rand   io.Reader

	mu         sync.Mutex
	tenants    []*Tenant
	calls      []Call
	seq        int
	counts     map[Service]int
	subs       map[int]func(Call)
	nextSub    int
	faults     []*armed
	hook       func(Call) Decision
	violations []string
	// consentPage answers the admin consent page.
	consentPage func(ConsentPrompt) ConsentAnswer

	federation federations
	issuers    issuerKeys
}

// New makes a Server without tenants.
func New(o Options) *Server {
	s := &Server{
		now: o.Now, strict: o.Strict, logLimit: o.LogLimit, rand: o.Rand,
		counts: map[Service]int{}, subs: map[int]func(Call){},
		signing: sync.OnceValue(newSigningKey), federation: federations{byApp: map[string][]FederatedCredential{}},
		issuers: issuerKeys{by: o.Issuers, known: map[string]map[string]*rsa.PublicKey{}},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.logLimit == 0 {
		s.logLimit = 100_000
	}
	s.tokenKey = s.random(32)
	return s
}

// random returns n bytes of the injected source. A source that fails is a programming error, as crypto/rand never does.
func (s *Server) random(n int) []byte {
	s.randMu.Lock()
	defer s.randMu.Unlock()
	b := make([]byte, n)
	if _, err := io.ReadFull(s.rand, b); err != nil {
		panic(fmt.Errorf("tenantfake: random source: %w", err))
	}
	return b
}

func (s *Server) guid() string {
	id, err := uuid.NewRandomFromReader(bytes.NewReader(s.random(16)))
	if err != nil {
		panic(fmt.Errorf("tenantfake: id: %w", err))
	}
	return id.String()
}

// Tenant returns the tenant with this id or verified domain, or nil.
func (s *Server) Tenant(idOrDomain string) *Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tenants {
		if t.answersTo(idOrDomain) {
			return t
		}
	}
	return nil
}

// Tenants returns the tenants in the order in which they were added.
func (s *Server) Tenants() []*Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Tenant(nil), s.tenants...)
}

// response is a complete answer, kept in memory until faults and subscribers have had their say.
type response struct {
	status int
	header http.Header
	body   []byte
}

func newResponse(status int) *response {
	return &response{status: status, header: http.Header{}}
}

// inbound is one request (or one item of a batch) on its way to its handler.
type inbound struct {
	call Call
	// run has the effect. stale asks for reads of an outdated replica.
	run func(stale bool) *response
	// refuse is the answer to a fault that the service itself would give, in the service's own shape.
	refuse func(d Decision) *response
	// done, if set, is called when the request leaves, with or without an answer.
	done func()
}

// The errors of a lost connection are those that net itself would give: clients look at their types.
var (
	errDropped = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	errTimeout = &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
)

// handle answers one HTTP request; an error means that the connection is lost without an answer.
func (s *Server) handle(r *http.Request) (*response, error) {
	body, err := readBody(r)
	in := s.route(r, body)
	if err != nil {
		in.run = func(bool) *response {
			return in.refuse(Decision{Kind: Refused, Status: http.StatusBadRequest, Code: "BadRequest", Message: err.Error()})
		}
	}
	return s.perform(r.Context(), in)
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	var src io.Reader = r.Body
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, fmt.Errorf("body is not gzip: %w", err)
		}
		src = z
	}
	body, err := io.ReadAll(io.LimitReader(src, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("body is larger than %d bytes", maxBody)
	}
	return body, nil
}

// route finds the service by the first path segment.
func (s *Server) route(r *http.Request, body []byte) *inbound {
	segs := segments(r.URL.EscapedPath())
	if len(segs) > 0 {
		switch strings.ToLower(segs[0]) {
		case "v1.0", "beta":
			return s.routeGraph(r, body, strings.ToLower(segs[0]), segs[1:])
		case "adminapi":
			return s.routeExchange(r, body, segs[1:])
		}
	}
	return s.routeLogin(r, body, segs)
}

// perform decides about faults, lets the request have its effect, records it and returns the answer.
func (s *Server) perform(ctx context.Context, in *inbound) (*response, error) {
	if in.done != nil {
		defer in.done()
	}
	in.call.Time = s.now()
	d := s.decide(in.call)
	if err := wait(ctx, d.Delay); err != nil {
		return nil, err
	}
	in.call.Fault = d.Kind
	resp, err := s.apply(in, d)
	if resp != nil {
		in.call.Status = resp.status
		resp.header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	s.record(in.call)
	return resp, err
}

// wait sleeps d of the runtime's time (virtual in a synctest bubble), or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// apply runs the effect unless the decision says that the request fails before it.
func (s *Server) apply(in *inbound, d Decision) (*response, error) {
	var resp *response
	if d.effective() {
		resp = in.run(d.Kind == StaleRead)
	}
	switch d.Kind {
	case DropBefore, DropAfter:
		return nil, errDropped
	case TimeoutBefore, TimeoutAfter:
		return nil, errTimeout
	case Truncated:
		resp.body = resp.body[:len(resp.body)/2]
	case HTMLBody:
		return htmlPage(d.status()), nil
	case Throttled, ServerError, Unavailable, GatewayTimeout, Refused, ConcurrencyText:
		return in.refuse(d), nil
	}
	return resp, nil
}

func htmlPage(status int) *response {
	resp := newResponse(status)
	resp.header.Set("Content-Type", "text/html")
	resp.body = []byte("<html><head><title>Service unavailable</title></head><body><h2>Our services aren't available right now</h2></body></html>")
	return resp
}

// baseURL is the scheme and host that the client called, for links in answers.
func baseURL(r *http.Request) string {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	return "https://" + host
}
