package tenantfake

import (
	"encoding/json"
	"strings"
	"time"
)

// Service is one of the three services of a tenant.
type Service string

// The services.
const (
	Login    Service = "login"
	Graph    Service = "graph"
	Exchange Service = "exchange"
)

// Call is one request as the log keeps it. It never holds a secret: passwords, client secrets, tokens and assertions are replaced.
type Call struct {
	// Seq counts the server's calls from 1.
	Seq  int
	Time time.Time
	// Tenant is the tenant's id; empty when the request named none that exists.
	Tenant  string
	Service Service
	Method  string
	// Path is the path below the service's prefix, for example "/users/87d3…"; Template the same with placeholders, "/users/{id}".
	Path, Template string
	// Query is the raw query.
	Query string
	// Cmdlet is set for Exchange's InvokeCommand.
	Cmdlet string
	// Body is the request body with secrets replaced by "[redacted]"; for the token endpoint only grant_type, client_id and scope.
	Body string
	// Batched marks an item of a $batch.
	Batched bool
	// Status is the HTTP status answered; zero when the connection was lost instead.
	Status int
	// Fault is the fault put on the call.
	Fault Kind
	// RequestID and ClientRequestID are the headers request-id (ours) and client-request-id (the caller's).
	RequestID, ClientRequestID string
}

// Write reports whether the call asks for a change.
func (c Call) Write() bool {
	if c.Service == Exchange {
		return c.Cmdlet != "" && !strings.HasPrefix(strings.ToLower(c.Cmdlet), "get-")
	}
	return c.Service == Graph && c.Method != "GET" && c.Template != "/$batch"
}

// Log returns the calls so far, oldest first.
func (s *Server) Log() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// ResetLog forgets the calls and the counters; Seq goes on.
func (s *Server) ResetLog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
	s.counts = map[Service]int{}
}

// Count returns the number of calls to a service since the start or the last ResetLog, whether or not the log still holds them.
func (s *Server) Count(service Service) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[service]
}

// Subscribe calls fn for each call after its effect was applied and before the answer is written, in the goroutine of the call and
// without locks held. The returned function ends the subscription.
func (s *Server) Subscribe(fn func(Call)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.nextSub
	s.nextSub++
	s.subs[id] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subs, id)
	}
}

func (s *Server) record(c Call) {
	s.mu.Lock()
	s.seq++
	c.Seq = s.seq
	s.counts[c.Service]++
	if len(s.calls) >= s.logLimit {
		s.calls = append([]Call(nil), s.calls[len(s.calls)-s.logLimit/2:]...)
	}
	s.calls = append(s.calls, c)
	subs := make([]func(Call), 0, len(s.subs))
	for id := range s.nextSub {
		if fn, ok := s.subs[id]; ok {
			subs = append(subs, fn)
		}
	}
	s.mu.Unlock()
	for _, fn := range subs {
		fn(c)
	}
}

// redact returns a JSON body without secrets; a body that is not JSON is not shown at all.
func redact(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return "[not JSON]"
	}
	clean, err := json.Marshal(withoutSecrets("", v))
	if err != nil {
		return "[not JSON]"
	}
	return string(clean)
}

func withoutSecrets(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = withoutSecrets(k, inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = withoutSecrets(key, inner)
		}
	case string:
		if secretKey(key) {
			return "[redacted]"
		}
	}
	return v
}

func secretKey(key string) bool {
	key = strings.ToLower(key)
	if key == "passwordpolicies" {
		return false
	}
	for _, word := range []string{"password", "secret", "token", "assertion", "authorization"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}
