package tenantfake

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// Kind says how a call goes wrong.
type Kind int

// The faults that can be put on a call.
const (
	// NoFault lets the call through.
	NoFault Kind = iota
	// Throttled answers 429, with Retry-After when Decision.RetryAfter is not zero.
	Throttled
	// ServerError answers 500.
	ServerError
	// Unavailable answers 503, with Retry-After when Decision.RetryAfter is not zero.
	Unavailable
	// GatewayTimeout answers 504.
	GatewayTimeout
	// Refused answers Decision.Status, Code and Message in the service's own error shape.
	Refused
	// DropBefore loses the connection before the call had any effect.
	DropBefore
	// DropAfter loses the connection after the call took effect: the client cannot know the outcome.
	DropAfter
	// TimeoutBefore is DropBefore, seen by the client as a time-out.
	TimeoutBefore
	// TimeoutAfter is DropAfter, seen by the client as a time-out.
	TimeoutAfter
	// StaleRead answers from a replica that has not seen the latest change of an object (when that is under ten minutes old).
	StaleRead
	// Truncated cuts the answer's body in half.
	Truncated
	// HTMLBody answers an HTML page, as a gateway does, with Decision.Status (zero means 503).
	HTMLBody
	// ConcurrencyText answers Exchange's plain-text "maximum number of concurrent requests" with 429.
	ConcurrencyText
)

var kindNames = [...]string{"", "throttled", "server-error", "unavailable", "gateway-timeout", "refused", "drop-before", "drop-after",
	"timeout-before", "timeout-after", "stale-read", "truncated", "html-body", "concurrency-text"}

// String returns a short kebab-case name; the empty string for NoFault.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Decision is what happens to one call. The zero value lets it through.
type Decision struct {
	Kind Kind
	// Applied makes an error answer (Throttled to Refused, HTMLBody) come after the effect instead of in its place.
	Applied bool
	// Delay is waited before the call is handled, in the runtime's time; it ends early with the request's context.
	Delay time.Duration
	// RetryAfter is announced in whole seconds, rounded up; zero sends no header.
	RetryAfter time.Duration
	// Status, Code and Message are the answer of Refused; Status also of HTMLBody. For the token endpoint Code is the `error` member.
	Status        int
	Code, Message string
}

// effective reports whether the request has its effect.
func (d Decision) effective() bool {
	switch d.Kind {
	case DropBefore, TimeoutBefore:
		return false
	case Throttled, ServerError, Unavailable, GatewayTimeout, Refused, HTMLBody, ConcurrencyText:
		return d.Applied
	}
	return true
}

func (d Decision) status() int {
	switch d.Kind {
	case Throttled, ConcurrencyText:
		return http.StatusTooManyRequests
	case ServerError:
		return http.StatusInternalServerError
	case GatewayTimeout:
		return http.StatusGatewayTimeout
	case Refused, HTMLBody:
		if d.Status != 0 {
			return d.Status
		}
	}
	return http.StatusServiceUnavailable
}

// Fault puts a Decision on the calls that match all of its conditions; an empty condition matches every call.
type Fault struct {
	Decision
	// Match, if not nil, sees the call before it is handled (Status is still zero).
	Match func(Call) bool
	// Service, Tenant (id) and Method are compared as they are.
	Service Service
	Tenant  string
	Method  string
	// Path is a path.Match pattern compared with the call's Template and with its Path, for example "/users/{id}" or "/users/*".
	Path string
	// Cmdlet is the name of an Exchange cmdlet, in any case.
	Cmdlet string
	// Skip lets this many matching calls through first.
	Skip int
	// Times is the number of calls hit; zero means one, a negative number every call until removed.
	Times int
}

type armed struct {
	Fault
	left int
}

// Fault arms f. Faults are tried in the order in which they were armed, before the OnCall hook; the first that matches decides. The
// returned function removes it.
func (s *Server) Fault(f Fault) (remove func()) {
	a := &armed{Fault: f, left: f.Times}
	if a.left == 0 {
		a.left = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(slices.DeleteFunc(s.faults, func(a *armed) bool { return a.left == 0 }), a)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		a.left = 0
	}
}

// ClearFaults removes every fault and the OnCall hook.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.hook = nil, nil
}

// OnCall sets the hook that decides the fate of every call no armed Fault took. It sees the call before it is handled, is called from
// the caller's goroutine without locks held, and may itself use the server. Nil removes it.
func (s *Server) OnCall(hook func(Call) Decision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

func (s *Server) decide(c Call) Decision {
	s.mu.Lock()
	for _, a := range s.faults {
		if a.left == 0 || !a.matches(c) {
			continue
		}
		if a.Skip > 0 {
			a.Skip--
			continue
		}
		a.left--
		s.mu.Unlock()
		return a.Decision
	}
	hook := s.hook
	s.mu.Unlock()
	if hook == nil {
		return Decision{}
	}
	return hook(c)
}

func (f *armed) matches(c Call) bool {
	return (f.Service == "" || f.Service == c.Service) &&
		(f.Tenant == "" || f.Tenant == c.Tenant) &&
		(f.Method == "" || f.Method == c.Method) &&
		(f.Cmdlet == "" || strings.EqualFold(f.Cmdlet, c.Cmdlet)) &&
		(f.Path == "" || pathMatches(f.Path, c)) &&
		(f.Match == nil || f.Match(c))
}

func pathMatches(pattern string, c Call) bool {
	if pattern == c.Template {
		return true
	}
	ok, err := path.Match(pattern, c.Path)
	return ok && err == nil
}
