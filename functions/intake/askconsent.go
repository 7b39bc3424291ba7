package intake

import (
	"context"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/consent"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// consentable refuses a way of consent that this installation does not have.
func (d *Desk) consentable(m account.ConsentMethod) error {
	if m == account.ConsentLink && !d.ByLink {
		return fault.Stopf(fault.RequestInvalid, "consent by link needs an address where the administrator's browser comes back to, and none is configured: set publicAddress, or consent: direct for the tenant")
	}
	return nil
}

// askAgain sends a new consent link to a ticket that comes once more when its link grants
// nothing any more. A link that works stays as it is: systems that send a ticket at each
// change of it would otherwise get a new link for every link.
func (d *Desk) askAgain(ctx context.Context, o order, v ledger.Verdict) (ledger.Verdict, error) {
	if st, _, waits := consent.Waiting(&v.Request); !waits || o.req.Action == string(account.Offboard) || !consent.Spent(fault.Code(st.FaultCode)) {
		return v, nil
	}
	err := d.Ledger.Update(ctx, v.Request.ID, func(rec *ledger.Record) error {
		r := &rec.Request
		if st, args, waits := consent.Waiting(r); waits && consent.Spent(fault.Code(st.FaultCode)) {
			st.FaultCode, st.Fault = string(fault.ConsentAwaited), "the ticket gets a new link"
			step.TellConsent(rec, o.tenant, *consent.AskOf(st.Name, args), o.now)
			note(rec, o, "consent.link", "the ticket came once more: a new consent link for "+args.App)
		}
		v.Request = *r
		return nil
	})
	return v, err
}
