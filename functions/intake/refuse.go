package intake

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// isRefusal tells a request that cannot be taken from a ledger that cannot be written.
func isRefusal(err error) bool {
	return err != nil && fault.ClassOf(err) == fault.Permanent && !fault.Is(err, fault.LedgerUnavailable)
}

// refuse answers, and records the refusal when there is a ticket to tell. The same
// ticket refused for the same reason is recorded once; a corrected one is a new request.
func (d *Desk) refuse(ctx context.Context, o order, why error) (Answer, error) {
	reason := reasonOf(why)
	// A private key, or a password, may stand there by mistake: neither goes on record.
	o.req.Delivery, o.req.Account.Password = nil, nil
	answer := Answer{Status: Refused, Code: fault.CodeOf(why), Reason: reason}
	if o.tenant.ID == "" || o.keys.Business == "" || !knownAction(o.req.Action) {
		return answer, nil
	}
	keys := ledger.Keys{Delivery: o.keys.Delivery, Tenant: o.tenant.ID}
	keys.Business = o.keys.Business + "|refused|" + digest(string(answer.Code)+reason)
	verdict, err := d.store(ctx, keys, func(ledger.Situation) (ledger.Draft, error) {
		rec := ledger.Record{Request: d.row(o)}
		rec.Request.ID, rec.Request.BusinessKey = derivedID(keys.Business), keys.Business
		rec.Request.UserPrincipalName = o.keys.UserPrincipalName
		rec.Request.Refused, rec.Request.RefusedCode = reason, string(answer.Code)
		note(&rec, o, "request.refused", string(answer.Code)+": "+reason)
		step.Tell(&rec, events.StatusRefused, o.tenant, reason, o.now)
		return ledger.Draft{Record: rec}, nil
	})
	if err != nil {
		return Answer{}, err
	}
	return d.answer(verdict, o.now), nil
}
