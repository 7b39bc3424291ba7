// Package fault says why something failed and what that means for the work:
// wait, try again, or stop. An adapter classifies a foreign error once, at its
// edge; everybody else asks ClassOf and CodeOf and never looks at error text.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Class is what a failure means for the step that met it.
type Class int

const (
	// Transient may pass by itself: counted as a failure, backed off with jitter.
	// It is the class of every error that nobody classified.
	Transient Class = iota
	// Waiting means the world is not ready yet (replication, a lease, a hold in
	// time): the step tries again later and no failure is counted.
	Waiting
	// Permanent needs a change by a person: the step stops now.
	Permanent
)

// String gives the word used in logs and metrics.
func (c Class) String() string {
	switch c {
	case Waiting:
		return "waiting"
	case Permanent:
		return "permanent"
	default:
		return "transient"
	}
}

// Error is a classified failure. Code is contract (kebab case, one runbook per
// code in docs/runbooks); the text of Err is for people only.
type Error struct {
	Class Class
	Code  Code
	// After is how long the service asked us to stay away (Retry-After). Zero
	// means that it did not say.
	After time.Duration
	Err   error
}

// Error gives the code and the cause.
func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Code, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// NotReady reports that the world is not ready yet: wait, without counting a failure.
func NotReady(code Code, err error) error { return &Error{Class: Waiting, Code: code, Err: err} }

// Stop reports a failure that no retry can cure.
func Stop(code Code, err error) error { return &Error{Class: Permanent, Code: code, Err: err} }

// Retry reports a failure that may pass by itself. after is the service's
// Retry-After; zero leaves the pause to the policy.
func Retry(code Code, after time.Duration, err error) error {
	return &Error{Class: Transient, Code: code, After: after, Err: err}
}

// Stopf is Stop with a formatted cause.
func Stopf(code Code, format string, args ...any) error {
	return Stop(code, fmt.Errorf(format, args...))
}

// NotReadyf is NotReady with a formatted cause.
func NotReadyf(code Code, format string, args ...any) error {
	return NotReady(code, fmt.Errorf(format, args...))
}

// ClassOf gives the class of err; an unclassified error is Transient.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Transient
}

// CodeOf gives the code of err, or Unexpected for an error nobody classified.
// A nil error has no code.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Unexpected
}

// RetryAfter gives how long the service asked us to stay away, zero if it did not say.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.After
	}
	return 0
}

// Is reports whether err carries the given code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// Outage reports whether a code says that a service is away or overloaded, which
// passes by itself, rather than that it did not like the request.
func Outage(code Code) bool {
	switch code {
	case Throttled, ServiceUnavailable, Unreachable, LedgerUnavailable, SecretUnavailable, ADConnectionLost, ADBusy:
		return true
	}
	return false
}
