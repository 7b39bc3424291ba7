package intake

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// Reconnect gives a connection again what it was given and somebody took in the tenant;
// by is who asks for it. The steps are those of the request that made it, so that a
// consent that was given by link is asked for by link. The policy is asked anew, for the
// consent may have been taken for a reason. An application that somebody deleted comes back
// for everybody, so that the users of a connection that was limited are assigned once more.
// It gives the request that does it, which is the open one if there is one.
func (d *Desk) Reconnect(ctx context.Context, acc account.Account, by, reason string) (account.Request, error) {
	origin, err := d.Ledger.Request(ctx, acc.RequestID)
	if err != nil {
		return account.Request{}, err
	}
	o, err := d.orderBy(by, account.Modify, acc.Tenant, acc.UserPrincipalName, origin.Ticket)
	if err != nil {
		return account.Request{}, err
	}
	o.req.Reason = reason
	steps := consentSteps(origin)
	verdict, err := d.store(ctx, o.keys, func(s ledger.Situation) (ledger.Draft, error) {
		if err := mayReconnect(s, acc, len(steps)); err != nil {
			return ledger.Draft{}, err
		}
		return d.reconnect(o, *s.Account, slices.Clone(steps))
	})
	return verdict.Request, err
}

// consentSteps are the steps of a request that got its consents, to be done again.
func consentSteps(origin account.Request) (steps []account.Step) {
	for _, s := range origin.Steps {
		var args events.GrantConsentArgs
		if s.Function == events.GrantConsent && json.Unmarshal(s.Args, &args) == nil && args.AppID != "" {
			steps = append(steps, account.Step{Name: s.Name, Function: s.Function, Title: s.Title, Args: s.Args, State: account.StepPending})
		}
	}
	return steps
}

// mayReconnect says why a connection cannot be given its consents again now.
func mayReconnect(s ledger.Situation, asked account.Account, steps int) error {
	switch acc := s.Account; {
	case acc == nil || acc.ID != asked.ID:
		return fault.Stopf(fault.AccountUnknown, "%s is not managed any more", asked.UserPrincipalName)
	case acc.AppID == "" || steps == 0:
		return fault.Stopf(fault.RequestInvalid, "%s was given no consent: only a connection of an application is reconnected", acc.UserPrincipalName)
	case acc.State != account.AccountActive:
		return fault.Stopf(fault.RequestInvalid, "%s is %s, so it is not reconnected", acc.UserPrincipalName, acc.State)
	}
	if len(s.Open) == 0 {
		return nil
	}
	open := s.Open[0]
	if slices.ContainsFunc(open.Steps, func(step account.Step) bool { return step.Function == events.GrantConsent }) {
		return already{open}
	}
	return fault.Stopf(fault.AccountBusy, "request %s is still at work on %s: wait for it", open.ID, asked.UserPrincipalName)
}

func (d *Desk) reconnect(o order, acc account.Account, steps []account.Step) (ledger.Draft, error) {
	rec := ledger.Record{Request: d.row(o), Account: acc}
	r := &rec.Request
	r.AccountID, r.UserPrincipalName, r.Profile, r.OnFailure, r.Steps = acc.ID, acc.UserPrincipalName, acc.Profile, account.ParkOnFailure, steps
	if acc.Targets.Mode == account.TargetsChosen {
		assign, err := targetsStep(acc, events.AssignTargetsArgs{Change: events.TargetsSync})
		if err != nil {
			return ledger.Draft{}, err
		}
		r.Steps = append(r.Steps, assign)
	}
	var again []account.Grant
	for _, g := range acc.Grants {
		if _, _, permission := g.Kind.ParseTarget(g.Target); permission && g.State == account.GrantGiven {
			again = append(again, g)
		}
	}
	if err := d.ask(&rec, o, account.Question{Grants: again, Owner: acc.Owner, Begins: o.now, Ends: acc.ExpiresAt}); err != nil {
		return ledger.Draft{}, err
	}
	d.begin(&rec, o)
	return ledger.Draft{Record: rec}, nil
}
