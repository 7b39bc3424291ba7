// Package console is Usher's HTTP for machines and for the operator's commands:
// how requests, accounts, syncs and dead letters stand, and the few things a person
// may order (approve, revoke, undo, sync, replay, discard).
//
// Everything under /api needs the bearer token that its callers share, or for reading
// requests and approving them an approver's own; /healthz, /readyz and /metrics do
// not. Errors are {"error":{"code","message","remedy"}}, where code is a fault code
// or one of the words of problem.go. No answer carries a secret: of a password it
// says where it lies.
package console
