package consent

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Outcome is what an answer, or a proof, comes to.
type Outcome string

const (
	// Claimed says that the browser tells of a consent. It is to be proved.
	Claimed Outcome = "claimed"
	// Declined is an administrator's no, or the page's refusal of whoever sat before it.
	Declined Outcome = "declined"
	// OtherTenant is an attempt of another tenant's user, or a proof that came from there.
	OtherTenant Outcome = "other-tenant"
	// Unknown is a state that was never handed out: forged, or cut off on its way.
	Unknown Outcome = "unknown"
	// UsedTwice is a state that somebody came back with before.
	UsedTwice Outcome = "used-twice"
	// Replaced is a state in whose place a newer link was handed out.
	Replaced Outcome = "replaced"
	// Expired is a state that came back too late.
	Expired Outcome = "expired"
	// Granted is proved: the permissions were read back in the tenant.
	Granted Outcome = "granted"
	// Incomplete is a consent whose permissions do not all show (yet).
	Incomplete Outcome = "incomplete"
)

// Verdict is what an answer comes to, in words fit for a ticket.
type Verdict struct {
	// Outcome is Claimed, Declined or OtherTenant for an answer that counts, which is kept
	// with the link; Unknown, UsedTwice, Replaced or Expired for one that does not.
	Outcome Outcome
	// Link is the link that was answered; empty when it is Unknown.
	Link Link
	// Reason is one line. It holds nothing of what the browser sent but an error's number.
	Reason string
}

// Counts reports whether the answer was kept.
func (v Verdict) Counts() bool { return v.Link.Answer != nil && v.Outcome == v.Link.Answer.Outcome }

// Judge takes the query of a call-back. Of any number of answers to one link exactly one
// counts. Its error is the store's: then nothing was taken, and the same may come again.
func (l *Links) Judge(ctx context.Context, q url.Values) (Verdict, error) {
	key, ok := keyOf(q)
	if !ok {
		return Verdict{Outcome: Unknown, Reason: "the answer carries no state of ours"}, nil
	}
	for {
		link, stored, err := l.load(ctx, key)
		if err != nil {
			return Verdict{}, fmt.Errorf("look up a consent link: %w", err)
		}
		if stored == nil {
			return Verdict{Outcome: Unknown, Reason: "the state was never handed out"}, nil
		}
		latest, err := l.store.Note(ctx, nameOfLatest(link.Request, link.Step))
		if err != nil {
			return Verdict{}, fmt.Errorf("look up the latest consent link of request %s: %w", link.Request, err)
		}
		v := l.over(link, string(latest) != key)
		if v.Outcome != "" {
			return v, nil
		}
		before := bytes.Clone(stored)
		link.Answer = answerOf(link, q)
		link.Answer.At = l.opts.Now().UTC()
		first, err := l.store.SwapNote(ctx, nameOfLink(key), before, encoded(link))
		if err != nil {
			return Verdict{}, fmt.Errorf("use the consent link of request %s: %w", link.Request, err)
		}
		if first {
			return Verdict{Outcome: link.Answer.Outcome, Link: link, Reason: link.Answer.Reason}, nil
		}
		// Somebody else was faster: look again, and find it used.
	}
}

// over is the verdict about a link that cannot be used any more; it has no outcome for one that can.
func (l *Links) over(link Link, replaced bool) Verdict {
	v := Verdict{Link: link}
	switch {
	case link.Answer != nil:
		v.Outcome, v.Reason = UsedTwice, "the link was used before: ask for a new one"
		v.Link.Answer = nil
	case replaced:
		v.Outcome, v.Reason = Replaced, "a newer link was handed out: use that one"
	case !l.opts.Now().Before(link.ExpiresAt):
		v.Outcome, v.Reason = Expired, "the link had expired: ask for a new one"
	}
	return v
}

// keyOf finds the one state of a call-back. What cannot be one of ours is not looked up.
func keyOf(q url.Values) (string, bool) {
	states := q["state"]
	if len(states) != 1 {
		return "", false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(states[0])
	if err != nil || len(raw) != stateBytes {
		return "", false
	}
	return hash(states[0]), true
}

var (
	number   = regexp.MustCompile(`AADSTS[0-9]{4,8}`)
	tenantID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// strangers are the numbers of a user whom the tenant does not know (reference:
// Microsoft Entra, authentication error codes).
var strangers = []string{"AADSTS50020", "AADSTS50034", "AADSTS90072"}

// answerOf reads what the browser brought. That nothing was granted needs no proof; that
// something was does.
func answerOf(link Link, q url.Values) *Answer {
	if !q.Has("error") {
		named := q.Get("tenant")
		return &Answer{Outcome: Claimed, Reason: "somebody answered the link with yes",
			Elsewhere: tenantID.MatchString(named) && !strings.EqualFold(named, string(link.Tenant))}
	}
	code := number.FindString(q.Get("error_description"))
	a := &Answer{Outcome: Declined, Reason: "the administrator declined"}
	switch {
	case slices.Contains(strangers, code):
		a.Outcome, a.Reason = OtherTenant, "whoever opened the link is not an administrator of the request's tenant"
	case code != "" && code != "AADSTS65004":
		a.Reason = "the consent page refused whoever opened the link"
	}
	if code != "" {
		a.Reason += " (" + code + ")"
	}
	return a
}
