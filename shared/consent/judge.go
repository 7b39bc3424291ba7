package consent

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Outcome is what a call-back comes to.
type Outcome string

const (
	// Granted is proved: the permissions were read back in the tenant.
	Granted Outcome = "granted"
	// Declined is an administrator's no, or the page's refusal of whoever sat before it.
	Declined Outcome = "declined"
	// Unknown is a state that was never handed out: forged, or cut off on its way.
	Unknown Outcome = "unknown"
	// UsedTwice is a state that somebody came back with before.
	UsedTwice Outcome = "used-twice"
	// Expired is a state that came back too late.
	Expired Outcome = "expired"
	// OtherTenant is a consent, or an attempt, of another tenant's administrator.
	OtherTenant Outcome = "other-tenant"
	// Incomplete is a consent whose permissions do not all show (yet): see Missing.
	Incomplete Outcome = "incomplete"
	// Unproven is a claim that could not be looked into (yet); the error says why.
	Unproven Outcome = "unproven"
)

// Verdict is what a call-back comes to, in words fit for a ticket.
type Verdict struct {
	Outcome Outcome
	// Link is the link that was answered; empty when it is Unknown.
	Link Link
	// Missing are the permissions that do not show in the tenant.
	Missing []account.AppPermission
	// Reason is one line. It holds nothing of what the browser sent but an error's number.
	Reason string
}

// Fault is what the verdict means for the request that waits for the consent: nil when
// it is granted, and when the answer says nothing about it (Unknown, UsedTwice,
// Unproven), a waiting fault while permissions do not show.
func (v Verdict) Fault() error {
	switch v.Outcome {
	case Declined:
		return fault.Stopf(fault.ConsentDeclined, "%s", v.Reason)
	case OtherTenant:
		return fault.Stopf(fault.ConsentElsewhere, "%s", v.Reason)
	case Expired:
		return fault.Stopf(fault.ConsentExpired, "%s", v.Reason)
	case Incomplete:
		return fault.NotReadyf(fault.ConsentNotVisible, "%s", v.Reason)
	}
	return nil
}

// Judge looks at the query of a call-back. Its error is one of our own (the store, the
// proof), and the verdict is Unproven then; where the proof failed the link is used, and
// Prove goes on with it.
func (l *Links) Judge(ctx context.Context, q url.Values) (Verdict, error) {
	key, ok := keyOf(q)
	if !ok {
		return Verdict{Outcome: Unknown, Reason: "the answer carries no state of ours"}, nil
	}
	link, found, err := l.store.Link(ctx, key)
	if err != nil {
		return Verdict{Outcome: Unproven, Reason: "the link could not be looked up"}, fmt.Errorf("look up a consent link: %w", err)
	}
	if v, over := l.over(link, found); over {
		return v, nil
	}
	first, err := l.store.UseLink(ctx, key, l.opts.Now().UTC())
	if err != nil {
		return Verdict{Outcome: Unproven, Link: link, Reason: "the link could not be marked as used"}, fmt.Errorf("use the consent link of request %s: %w", link.Request, err)
	}
	if !first {
		return usedTwice(link), nil
	}
	if q.Has("error") {
		return refusedBy(link, q), nil
	}
	v, err := l.Prove(ctx, link)
	if named := q.Get("tenant"); v.Outcome != Granted && err == nil && isGUID(named) && !strings.EqualFold(named, string(link.Tenant)) {
		v.Outcome, v.Reason = OtherTenant, "nothing was granted in the request's tenant; the answer names another one"
	}
	return v, err
}

// over is a link that cannot be used any more, or never could.
func (l *Links) over(link Link, found bool) (Verdict, bool) {
	switch {
	case !found:
		return Verdict{Outcome: Unknown, Reason: "the state was never handed out"}, true
	case !link.UsedAt.IsZero():
		return usedTwice(link), true
	case !l.opts.Now().Before(link.ExpiresAt):
		return Verdict{Outcome: Expired, Link: link, Reason: "the link had expired: ask for a new one"}, true
	}
	return Verdict{}, false
}

func usedTwice(link Link) Verdict {
	return Verdict{Outcome: UsedTwice, Link: link, Reason: "the link was used before: ask for a new one"}
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

func isGUID(s string) bool { return tenantID.MatchString(s) }

// strangers are the numbers of a user whom the tenant does not know (reference:
// Microsoft Entra, authentication error codes).
var strangers = []string{"AADSTS50020", "AADSTS50034", "AADSTS90072"}

// refusedBy reads an error of the consent page. That nothing was granted needs no proof.
func refusedBy(link Link, q url.Values) Verdict {
	code := number.FindString(q.Get("error_description"))
	v := Verdict{Outcome: Declined, Link: link, Reason: "the administrator declined"}
	switch {
	case slices.Contains(strangers, code):
		v.Outcome, v.Reason = OtherTenant, "whoever opened the link is not an administrator of the request's tenant"
	case code != "" && code != "AADSTS65004":
		v.Reason = "the consent page refused whoever opened the link"
	}
	if code != "" {
		v.Reason += " (" + code + ")"
	}
	return v
}

// Prove looks in the tenant whether the permissions of a link are granted. It may be
// called as often as one likes: it changes nothing. A tenant that does not know the
// application (yet) is Incomplete: whether to look again is the caller's to say.
func (l *Links) Prove(ctx context.Context, link Link) (Verdict, error) {
	v := Verdict{Outcome: Unproven, Link: link, Reason: "the consent could not be looked into yet"}
	as, err := l.proof.SignIn(ctx, link.Tenant, link.AppID)
	switch {
	case fault.Is(err, fault.ConsentMissing), fault.Is(err, fault.IdentityNotFound):
		v.Outcome, v.Missing, v.Reason = Incomplete, link.Permissions, "the tenant does not know the application"
		return v, nil
	case err != nil:
		return v, fmt.Errorf("sign in to tenant %s to prove a consent: %w", link.Tenant, err)
	case !strings.EqualFold(string(as), string(link.Tenant)):
		v.Outcome, v.Reason = OtherTenant, "the token is for another tenant than the request's"
		return v, nil
	}
	held, err := l.proof.Granted(ctx, link.Tenant, link.AppID)
	if err != nil {
		return v, fmt.Errorf("read back what application %s may do in tenant %s: %w", link.AppID, link.Tenant, err)
	}
	if v.Missing = missing(link.Permissions, held); len(v.Missing) > 0 {
		v.Outcome, v.Reason = Incomplete, "not granted: "+names(v.Missing)
		return v, nil
	}
	v.Outcome, v.Reason = Granted, "granted, and read back: "+names(link.Permissions)
	return v, nil
}

func missing(wanted, held []account.AppPermission) (lacking []account.AppPermission) {
	for _, w := range wanted {
		if !slices.ContainsFunc(held, w.Same) {
			lacking = append(lacking, w)
		}
	}
	return lacking
}

func names(permissions []account.AppPermission) string {
	var all []string
	for _, p := range permissions {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}
