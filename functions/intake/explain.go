package intake

import (
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
)

// Explain says what the policy would ask for if the document were sent now. It takes
// nothing and writes nothing. A document that could not be planned is refused as it would be.
func (d *Desk) Explain(document []byte) (policy.Decision, error) {
	o := order{now: d.Now()}
	if err := d.read(document, &o); err != nil {
		return policy.Decision{}, err
	}
	if o.req.Action == string(account.Offboard) {
		return policy.Decision{}, fault.Stopf(fault.RequestInvalid, "an offboarding gives nothing, so the policy asks for nothing")
	}
	p, err := d.profileOf(o.req)
	if err != nil {
		return policy.Decision{}, err
	}
	planned, err := profile.Plan(p, o.req, o.tenant, o.now)
	if err != nil {
		return policy.Decision{}, err
	}
	return d.Policy.Decide(d.facts(o.tenant, p.Name, questionOf(o, planned.Account))), nil
}

// questionOf is what the policy is asked about an account that is to be.
func questionOf(o order, acc account.Account) account.Question {
	q := account.Question{Grants: acc.Grants, Owner: acc.Owner, Begins: o.now, Ends: acc.ExpiresAt}
	if starts := o.req.Lifetime.StartsAt; starts.After(q.Begins) {
		q.Begins = starts
	}
	return q
}
