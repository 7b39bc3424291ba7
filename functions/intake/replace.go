package intake

import (
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

// replaces reports whether an onboarding is for the application of the connection that
// stands, or that was left half made, under whatever name.
func replaces(o order, s ledger.Situation, planned profile.Planned) bool {
	app := planned.Account.AppID
	return app != "" && o.req.Action == string(account.Onboard) && strings.EqualFold(app, s.Account.AppID) &&
		(s.Account.State == account.AccountActive || halfMade(s))
}

// halfMade reports whether a connection was left as it was when its onboarding failed:
// what was wrong with the request can only be put right by another one, and whoever agreed
// to the first has not seen the second.
func halfMade(s ledger.Situation) bool {
	return s.Account.State == account.AccountPlanned && len(s.Open) == 0
}

// replace is the draft of a second onboarding of a connection's application: a request
// on the same row. A change of the connection that is parked gives way to it, and so does
// an onboarding that failed: nothing of it is to be replayed any more.
func (d *Desk) replace(o order, s ledger.Situation, planned profile.Planned) (ledger.Draft, error) {
	acc := *s.Account
	draft := ledger.Draft{Record: ledger.Record{Request: d.row(o), Account: acc}, Why: "overtaken by " + o.requestID()}
	for _, open := range s.Open {
		if account.StateOf(open) != account.Parked {
			return ledger.Draft{}, fault.Stopf(fault.AlreadyManaged, "request %s is working on %s: wait until it is over", open.ID, acc.UserPrincipalName)
		}
		draft.Cancel = append(draft.Cancel, open.ID)
	}
	if halfMade(s) {
		draft.Cancel = append(draft.Cancel, acc.RequestID)
		acc.RequestID = o.requestID() // should this one fail too, the next overtakes it
	}
	change, steps := profile.Reconnect(acc, planned)
	r := &draft.Request
	r.AccountID, r.UserPrincipalName, r.Reconnects = acc.ID, acc.UserPrincipalName, &change
	r.Steps, r.OnFailure = steps, planned.OnFailure
	q := questionOf(o, planned.Account)
	if !widens(acc, planned.Account, o) && !halfMade(s) {
		q.Grants = change.Gives
	}
	if err := d.ask(&draft.Record, o, q); err != nil {
		return ledger.Draft{}, err
	}
	draft.Account = acc
	if err := d.claim(&draft.Record, o); err != nil {
		return ledger.Draft{}, err
	}
	takeUp(&draft.Record)
	d.begin(&draft.Record, o)
	return draft, nil
}

// takeUp puts on the row of a connection what will be given, when nobody has to agree to
// it any more. It does nothing for other requests.
func takeUp(rec *ledger.Record) {
	if r := rec.Request; r.Reconnects != nil && !r.AwaitsPerson() {
		r.Reconnects.Begin(&rec.Account)
	}
}

// widens reports whether what a connection has already is to last longer, or to be for
// more users: then all of it is agreed to anew.
func widens(acc, want account.Account, o order) bool {
	longer := !acc.ExpiresAt.IsZero() && (want.ExpiresAt.IsZero() || want.ExpiresAt.After(acc.ExpiresAt))
	scope := o.req.Access.Scope
	everybody := acc.Targets.Mode == account.TargetsChosen && scope != nil && scope.Mode == string(account.TargetsAll)
	return longer || everybody
}
