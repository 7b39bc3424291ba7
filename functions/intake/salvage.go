package intake

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

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
