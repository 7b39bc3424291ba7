package intake

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

// order is a request on its way to a decision.
type order struct {
	req    events.Request
	tenant account.Tenant
	keys   ledger.Keys
	// actor is who sent it, for the audit log.
	actor string
	// trusted says that the sender's word about approvals counts.
	trusted bool
	now     time.Time
}

// Accept takes one canonical request. A request that cannot be taken is answered
// with status refused and, when its tenant and ticket are known, is recorded and told
// to the ticket. An error means that the ledger could not be written: nothing was
// taken, send it again.
func (d *Desk) Accept(ctx context.Context, body []byte, from Source) (Answer, error) {
	if d.Schema == nil {
		return Answer{}, errors.New("intake: this desk takes orders, and no documents")
	}
	o := order{actor: from.Name, trusted: slices.Contains(d.Trusted, from.Name), now: d.Now()}
	o.keys.Delivery = from.key()
	verdict, err := d.take(ctx, &o, body)
	if isRefusal(err) {
		return d.refuse(ctx, o, err)
	}
	if err != nil {
		return Answer{}, err
	}
	return d.answer(verdict, o.now), nil
}

func (d *Desk) take(ctx context.Context, o *order, body []byte) (ledger.Verdict, error) {
	if err := d.read(body, o); err != nil {
		return ledger.Verdict{}, err
	}
	known, err := d.Ledger.Request(ctx, o.requestID())
	switch {
	case err == nil && known.BusinessKey != o.keys.Business:
		return ledger.Verdict{}, fault.Stopf(fault.RequestInvalid, "requestId %s is taken by another request", known.ID)
	case err != nil && !errors.Is(err, ledger.ErrNotFound):
		return ledger.Verdict{}, err
	}
	p, noProfile := d.profileOf(o.req)
	upn, unnamed := profile.UserPrincipalName(p, o.req, o.tenant)
	o.keys.UserPrincipalName, o.keys.AppID = upn, profile.AppID(p, o.req, o.tenant)
	// The decision comes after the keys were looked up, so that a repeated request
	// gets the first answer even when it would not be taken any more.
	verdict, err := d.store(ctx, o.keys, func(s ledger.Situation) (ledger.Draft, error) {
		switch {
		case noProfile != nil:
			return ledger.Draft{}, noProfile
		case o.req.Action != string(account.Offboard):
			return d.welcome(*o, s, p)
		case unnamed != nil:
			return ledger.Draft{}, unnamed
		}
		return d.farewell(*o, s, offboardOf(o.req))
	})
	if err != nil || !verdict.Duplicate {
		return verdict, err
	}
	if verdict, err = d.endorse(ctx, *o, verdict); err != nil {
		return verdict, err
	}
	return d.askAgain(ctx, *o, verdict)
}

// read fills the order in. After a refusal it holds what could be read all the same,
// so that the ticket can be told.
func (d *Desk) read(body []byte, o *order) error {
	var invalid error
	if d.Schema != nil {
		invalid = d.Schema.Check(body)
	}
	if invalid == nil {
		invalid = json.Unmarshal(body, &o.req)
	}
	if invalid != nil {
		o.req = salvage(body)
	}
	o.keys.Business = businessKey(o.req)
	tenant, err := d.tenantOf(o.req.Tenant)
	if err == nil {
		o.tenant, o.keys.Tenant = tenant, tenant.ID
	}
	if invalid != nil {
		return fault.Stop(fault.RequestInvalid, invalid)
	}
	return err
}

// profileOf finds the request's profile; a request without one gets a zero profile.
func (d *Desk) profileOf(req events.Request) (profile.Profile, error) {
	if req.Profile == "" {
		return profile.Profile{}, nil
	}
	p, ok := d.Profiles.Get(req.Profile)
	if !ok {
		return p, fault.Stopf(fault.UnknownProfile, "there is no profile %q", req.Profile)
	}
	return p, nil
}
