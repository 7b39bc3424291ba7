// Package intake is where requests are accepted, refused or parked, and nowhere
// else: webhooks, operators and the nightly sync all come to the same Desk. A
// request's row, plan, account and first command are one transaction.
package intake

import (
	"context"
	"errors"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
)

// Ledger is what the desk needs of the ledger.
type Ledger interface {
	// Accept stores a draft, or finds the request that was stored for the same keys.
	// An error of decide comes back as it is.
	Accept(ctx context.Context, keys ledger.Keys, decide func(ledger.Situation) (ledger.Draft, error)) (ledger.Verdict, error)
	Update(ctx context.Context, requestID string, change func(*ledger.Record) error) error
	Request(ctx context.Context, id string) (account.Request, error)
}

// Profiles finds a profile by name.
type Profiles interface {
	Get(name string) (profile.Profile, bool)
}

// Schema checks a request document against events/schemas/request.v1.schema.json.
type Schema interface {
	Check(doc []byte) error
}

// Options build a Desk. Every field but Policy, Trusted and Schema is required.
type Options struct {
	Ledger Ledger
	// Tenants lists the configured tenants.
	Tenants  func() []account.Tenant
	Profiles Profiles
	// Policy says what a request needs. The zero policy forbids every right.
	Policy policy.Policy
	// Trusted names the sources of documents whose approvals count; see events.Approval.
	Trusted []string
	// Schema checks documents. Nil makes a desk that takes orders only, and refuses documents.
	Schema Schema
	Now    func() time.Time
	// Deliverable refuses a way to hand a password over, or keys, that do not serve. Nil
	// leaves passwords in the vault.
	Deliverable func(account.Delivery) error
	// ByLink says that administrators' browsers can come back from a consent; without it
	// consent by link is refused.
	ByLink bool
	// NewID gives a fresh id: letters, digits and dashes, at most 60.
	NewID func() string
}

// Desk accepts requests.
type Desk struct{ Options }

// New makes a Desk.
func New(o Options) (*Desk, error) {
	if o.Ledger == nil || o.Tenants == nil || o.Profiles == nil || o.Now == nil || o.NewID == nil {
		return nil, errors.New("intake: every option is required")
	}
	return &Desk{o}, nil
}

// Source says where a request document came from.
type Source struct {
	// Name is the sender as configured; it goes into the audit log.
	Name string
	// Delivery is the sender's id of this delivery, the same on a retry. Empty when
	// there is none.
	Delivery string
}

func (s Source) key() string {
	if s.Delivery == "" {
		return ""
	}
	return s.Name + "/" + s.Delivery
}

// already says that an open request does what is asked, so that no second one is made.
type already struct{ request account.Request }

func (a already) Error() string { return "request " + a.request.ID + " does that already" }

// store is Ledger.Accept with the answer for what an open request does already.
func (d *Desk) store(ctx context.Context, keys ledger.Keys, decide func(ledger.Situation) (ledger.Draft, error)) (ledger.Verdict, error) {
	verdict, err := d.Ledger.Accept(ctx, keys, decide)
	if same, ok := errors.AsType[already](err); ok {
		return ledger.Verdict{Request: same.request, Duplicate: true}, nil
	}
	return verdict, err
}
