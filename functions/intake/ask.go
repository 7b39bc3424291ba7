package intake

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/policy"
)

// ask puts to the policy what a request would give, for which the question holds
// grants, owner, begin and end. What the policy forbids is refused, as is a request that
// lacks what the policy asks for; one that needs people's agreement is parked.
func (d *Desk) ask(rec *ledger.Record, o order, q account.Question) error {
	r := &rec.Request
	decision := d.Policy.Decide(d.facts(o.tenant, r.Profile, q))
	switch {
	case !decision.Tier.Allows():
		return fault.Stopf(fault.PolicyForbidden, "%s%s", decision.Summary(), offers(decision))
	case len(decision.Unmet) > 0:
		return fault.Stopf(fault.RequestInvalid, "%s, because %s", strings.Join(decision.Unmet, "; "), because(decision))
	}
	if decision.Needs.Alert {
		d.alarm(rec, o.tenant, q)
	}
	if decision.Needs.Approvers == 0 {
		return nil
	}
	r.Park(decision.Summary())
	q.Document, q.Needed = document(o), decision.Needs.Approvers
	r.Question = &q
	c, err := d.Case(*r)
	q.Digest = c.Digest
	return err
}

// facts are what the policy decides from.
func (d *Desk) facts(t account.Tenant, profileName string, q account.Question) policy.Facts {
	f := policy.Facts{Tenant: t.Alias, Rights: policy.RightsOf(q.Grants), Owner: q.Owner, Begins: q.Begins, Ends: q.Ends}
	p, _ := d.Profiles.Get(profileName) // a profile that is gone asks for no approval of its own
	for i, right := range f.Rights {
		if right.Kind == policy.DirectoryRole && p.Approves(right.ID) {
			f.Rights[i].AtLeast = policy.OneApprover
		}
	}
	return f
}

// alarm marks the grants whose giving somebody is to hear of.
func (d *Desk) alarm(rec *ledger.Record, t account.Tenant, q account.Question) {
	asked := map[policy.Right]bool{}
	for _, g := range q.Grants {
		alone := policy.Facts{Tenant: t.Alias, Rights: policy.RightsOf([]account.Grant{g})}
		asked[policy.RightOf(g)] = d.Policy.Decide(alone).Needs.Alert
	}
	mark := func(grants []account.Grant) {
		for i, g := range grants {
			grants[i].Alert = g.Alert || asked[policy.RightOf(g)]
		}
	}
	mark(rec.Account.Grants)
	if change := rec.Request.Reconnects; change != nil {
		mark(change.Gives)
	}
}

// document is the order without what it claims about approvals: the same order
// approved is still the same.
func document(o order) json.RawMessage {
	o.req.Approval, o.req.SentBy = nil, ""
	b, err := json.Marshal(o.req)
	if err != nil {
		// It was read from JSON, or made of texts, so it can be written as JSON.
		panic("intake: request cannot be written: " + err.Error())
	}
	return b
}

// because names the rights that decided, for the reader of a refusal.
func because(decision policy.Decision) string {
	var names []string
	for _, reason := range decision.Reasons {
		if reason.Tier == decision.Tier {
			names = append(names, fmt.Sprintf("%s (%s)", reason.Right, reason.Tier))
		}
	}
	if len(names) == 0 {
		return "every account needs it"
	}
	asks := " asks for it"
	if len(names) > 1 {
		asks = " ask for it"
	}
	return strings.Join(names, " and ") + asks
}

func offers(decision policy.Decision) (text string) {
	for _, s := range decision.Narrower {
		text += fmt.Sprintf("; %s (%s) serves when %s", s.Offer, s.Tier, s.When)
	}
	return text
}

// Case is a parked request as its approvers see it, by the policy as it is now. A
// request that a step parked needs one approver, whatever it is about.
func (d *Desk) Case(r account.Request) (policy.Case, error) {
	t, err := d.tenantByID(r.Tenant)
	if err != nil {
		return policy.Case{}, err
	}
	rules := d.Policy.For(t.Alias)
	c := policy.Case{
		Decision:   policy.Decision{Tier: policy.OneApprover, Needs: policy.Needs{Approvers: 1}},
		Requesters: []string{r.Requester, r.SentBy}, Approvers: rules.Approvers, Life: rules.ApprovalLife,
	}
	s := policy.Subject{RequestID: r.ID, Tenant: r.Tenant, Account: r.UserPrincipalName}
	if q := r.Question; q != nil {
		f := d.facts(t, r.Profile, *q)
		c.Decision = d.Policy.Decide(f)
		s.Rights, s.Ends, s.Document = f.Rights, q.Ends, q.Document
	} else if next := r.Next(); next != nil {
		// Of the attempt, so that what was said about an earlier one counts no more.
		s.Parked = fmt.Sprintf("%s/%d: %s", next.Name, next.Attempt, r.Parked)
	}
	s.Needs = c.Decision.Needs
	c.Digest, err = s.Digest()
	return c, err
}

// appeal says why a parked request waits, who may let it go on, and how.
func (d *Desk) appeal(r account.Request, now time.Time) string {
	c, err := d.Case(r)
	if err != nil {
		return r.Parked + "; " + err.Error()
	}
	standing := c.Standing(r.Approvals, now)
	text := r.Parked + "; " + standing.Why
	if len(c.Approvers) == 0 {
		return text + " under approvals.approvers in Usher's configuration or in its policy file"
	}
	var ids []string
	for _, p := range standing.MayApprove {
		ids = append(ids, p.ID)
	}
	if len(ids) == 0 {
		return text
	}
	return fmt.Sprintf("%s: %s may, with 'usher approve %s' and their own token or --by ID", text, strings.Join(ids, " or "), r.ID)
}
