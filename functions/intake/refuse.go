package intake

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
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
	return answerFor(verdict), nil
}

// salvage reads as much of an invalid document as it takes to answer its ticket:
// action, tenant and ticket, if those are sound.
func salvage(body []byte) events.Request {
	var parts struct{ Action, Tenant, Ticket json.RawMessage }
	var req events.Request
	if json.Unmarshal(body, &parts) != nil ||
		json.Unmarshal(parts.Action, &req.Action) != nil ||
		json.Unmarshal(parts.Tenant, &req.Tenant) != nil ||
		json.Unmarshal(parts.Ticket, &req.Ticket) != nil ||
		!knownAction(req.Action) || !sound(req.Ticket) {
		return events.Request{}
	}
	return req
}

func knownAction(action string) bool {
	switch account.Action(action) {
	case account.Onboard, account.Modify, account.Offboard:
		return true
	}
	return false
}

// maxField bounds what is kept of a ticket that the schema did not check.
const maxField = 256

func sound(t events.Ticket) bool {
	for _, text := range []string{t.System, t.Account, t.ID, t.Key, t.URL, t.Revision, t.Requester.Name, t.Requester.Email} {
		if len(text) > maxField || strings.ContainsFunc(text, unicode.IsControl) {
			return false
		}
	}
	return true
}

// maxReason is how many bytes of a reason are kept: documents of a sender may be in it.
const maxReason = 1000

func reasonOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		err = f.Err
	}
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(err.Error(), "?"))
	if len(text) <= maxReason {
		return text
	}
	cut := maxReason
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + " …"
}
