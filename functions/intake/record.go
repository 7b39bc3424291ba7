package intake

import (
	"encoding/json"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// row is what every request of an order has in common.
func (d *Desk) row(o order) account.Request {
	t := o.req.Ticket
	return account.Request{
		ID: o.requestID(), Action: account.Action(o.req.Action), Tenant: o.tenant.ID, Profile: o.req.Profile,
		Ticket:    account.Ticket{System: t.System, Account: t.Account, ID: t.ID, Key: t.Key, URL: t.URL, Revision: t.Revision},
		Requester: nameOf(t.Requester), SentBy: o.req.SentBy, Reason: o.req.Reason, BusinessKey: o.keys.Business, CreatedAt: o.now,
	}
}

// begin tells the ticket and sends the first command, unless a person has to agree first.
func (d *Desk) begin(rec *ledger.Record, o order) {
	if rec.Request.AwaitsPerson() {
		note(rec, o, "request.parked", rec.Request.Parked)
		step.Tell(rec, events.StatusParked, o.tenant, d.appeal(rec.Request, o.now), o.now)
		return
	}
	note(rec, o, "request.accepted", rec.Request.Reason)
	step.Tell(rec, events.StatusAccepted, o.tenant, "", o.now)
	send(rec, o)
}

// send queues the first command.
func send(rec *ledger.Record, o order) {
	if next := rec.Request.Next(); next != nil {
		rec.Send = append(rec.Send, step.Begin(&rec.Request, next, o.tenant.Alias, o.now))
	}
}

// saying puts what a person gave as the reason behind what happened.
func saying(what, reason string) string {
	if reason = strings.TrimSpace(reason); reason == "" {
		return what
	}
	return what + ": " + reason
}

// note adds a line to the audit log. The document of the ticket goes with it: it
// holds claims (an approval, an excluded second factor) that somebody may ask for.
func note(rec *ledger.Record, o order, kind, text string) {
	e := ledger.Entry{
		Tenant: o.tenant.ID, At: o.now, Kind: kind, RequestID: rec.Request.ID,
		AccountID: rec.Account.ID, Actor: o.actor, Text: text,
	}
	if o.req.Schema != "" {
		doc, err := json.Marshal(o.req)
		if err != nil {
			// It was read from JSON, so it can be written as JSON.
			panic("intake: request cannot be written: " + err.Error())
		}
		e.Data = doc
	}
	rec.Audit = append(rec.Audit, e)
}
