// Package secretsmanagerfake is AWS Secrets Manager in process: as much of it as a
// client needs that keeps single secrets, over HTTP on the loopback interface. What it
// answers follows the service's API reference (AWS Secrets Manager, "API Reference").
package secretsmanagerfake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Fault is what befalls every call while it is set.
type Fault int

// The faults.
const (
	// None is a service in good health.
	None Fault = iota
	// Throttled answers ThrottlingException.
	Throttled
	// Denied answers AccessDeniedException.
	Denied
	// Broken answers InternalServiceError with status 500.
	Broken
	// Down cuts the connection.
	Down
	// LoseWrites does what is asked and cuts the connection instead of answering a write.
	LoseWrites
	// Echo refuses with a message that quotes the request.
	Echo
)

// Options of a Server.
type Options struct {
	// Now is the service's clock; nil means time.Now.
	Now func() time.Time
	// Region is where the service is; empty means eu-central-1. A call signed for
	// another region finds no secret.
	Region string
	// Deletion is how long a secret that was deleted without recovery still has its
	// name; zero means that it is gone at once.
	Deletion time.Duration
}

// Server is the service. Close it.
type Server struct {
	options Options
	http    *httptest.Server

	mu      sync.Mutex
	fault   Fault
	secrets map[string]*secret
	calls   []string
	made    int
}

// New starts a service without secrets.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Region == "" {
		o.Region = "eu-central-1"
	}
	s := &Server{options: o, secrets: map[string]*secret{}}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// URL is the endpoint.
func (s *Server) URL() string { return s.http.URL }

// Close stops the service.
func (s *Server) Close() { s.http.Close() }

// Fail sets what befalls calls from now on; None heals.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Calls lists the operations asked for since the last Calls, in order.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// refusal is an error of the service.
type refusal struct {
	status        int
	code, message string
}

func refuse(code, message string) *refusal { return &refusal{http.StatusBadRequest, code, message} }

// scope is the part of a signature that names region and service (AWS, "Signature
// Version 4 request signature").
var scope = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([a-z0-9-]+)/secretsmanager/aws4_request, SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}$`)

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	operation, known := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, operation)
	signed := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	switch {
	case s.fault == Down:
		cut(w)
	case !known || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-amz-json-1.1":
		answer(w, nil, refuse("UnknownOperationException", ""))
	case signed == nil:
		answer(w, nil, refuse("MissingAuthenticationTokenException", "Missing Authentication Token"))
	case s.fault != None && s.fault != LoseWrites:
		answer(w, nil, s.befall(operation, body))
	default:
		result, no := s.call(operation, signed[1], body)
		if s.fault == LoseWrites && operation != "GetSecretValue" {
			cut(w)
			return
		}
		answer(w, result, no)
	}
}

func (s *Server) befall(operation string, body []byte) *refusal {
	switch s.fault {
	case Throttled:
		return refuse("ThrottlingException", "Rate exceeded")
	case Denied:
		return refuse("AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/usher/x is not authorized to perform: secretsmanager:"+operation+
			" because no identity-based policy allows the secretsmanager:"+operation+" action")
	case Echo:
		return refuse("InvalidParameterException", "cannot use "+string(body))
	}
	return &refusal{http.StatusInternalServerError, "InternalServiceError", "An error occurred on the server side."}
}

// cut closes the connection without an answer.
func cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close() // the client sees the end of it, whatever Close says
	}
}

func answer(w http.ResponseWriter, result any, no *refusal) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", "00000000-0000-0000-0000-000000000001")
	if no != nil {
		w.WriteHeader(no.status)
		result = map[string]string{"__type": no.code, "Message": no.message}
	}
	if err := json.NewEncoder(w).Encode(result); err != nil {
		panic(fmt.Sprintf("secretsmanagerfake: an answer cannot be written: %v", err))
	}
}
