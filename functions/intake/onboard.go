package intake

import (
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

// welcome is the draft of a request that gives: onboard and modify.
func (d *Desk) welcome(o order, s ledger.Situation, p profile.Profile) (ledger.Draft, error) {
	planned, err := profile.Plan(p, o.req, o.tenant, o.now)
	if err == nil {
		err = d.deliverable(planned.Account.Delivery)
	}
	if err == nil {
		err = d.consentable(planned.Account.ConsentMethod)
	}
	if err != nil {
		return ledger.Draft{}, err
	}
	if s.Account != nil && replaces(o, s, planned) {
		return d.replace(o, s, planned)
	}
	if s.Account != nil {
		return ledger.Draft{}, fault.Stopf(fault.AlreadyManaged, "%s is %s for request %s already",
			s.Account.UserPrincipalName, s.Account.State, s.Account.RequestID)
	}
	rec := ledger.Record{Request: d.row(o), Account: planned.Account}
	r, acc := &rec.Request, &rec.Account
	acc.ID, acc.RequestID, acc.CreatedAt = "acc-"+d.NewID(), r.ID, o.now
	r.AccountID, r.UserPrincipalName = acc.ID, acc.UserPrincipalName
	r.Steps, r.OnFailure = planned.Steps, planned.OnFailure
	if err := d.ask(&rec, o, questionOf(o, *acc)); err != nil {
		return ledger.Draft{}, err
	}
	if err := d.claim(&rec, o); err != nil {
		return ledger.Draft{}, err
	}
	d.begin(&rec, o)
	return ledger.Draft{Record: rec}, nil
}
