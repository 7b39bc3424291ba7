package entra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// call says what is being done, for the text and the meaning of its failure.
type call struct {
	// doing completes the sentence "could not …".
	doing string
	// objects are the ids or names it is about; none may be empty, for an address
	// without one means the whole list.
	objects []string
	// permission is the application permission it needs.
	permission string
	// missing is what 404 means; empty means that 404 makes no sense here.
	missing fault.Code
	// conflict is what "a conflicting object exists" means; empty means nothing special.
	conflict fault.Code
	// secret must not come back in a text.
	secret account.Secret
	// unhurried asks Graph to let other work go first.
	unhurried bool
	// paced is for a service that allows one call a second, and does not say so.
	paced bool
	// goesOn is true for a page that Graph itself gave the address of.
	goesOn bool
}

func (c call) check() error {
	for _, o := range c.objects {
		if o == "" || o == "." || o == ".." {
			return fault.Stopf(fault.MalformedCommand, "%s: %q does not name anything, so nothing was sent", c.doing, o)
		}
	}
	return nil
}

// rule is one line of the table. An empty field matches everything.
type rule struct {
	// status lists HTTP statuses; a single digit stands for its hundred.
	status []int
	// code is error.code.
	code string
	// detail and target are the code and the target of one of error.details.
	detail, target string
	// text is a part of the message, for the cases where Graph gives no other sign.
	text string
	// goesOn matches only a page after the first.
	goesOn bool
	// bare also matches an answer that is not a Graph error: the status says it all.
	bare bool

	class fault.Class
	// fault is the code; missing and conflict stand for the call's own.
	fault  fault.Code
	remedy string
}

const (
	missing  fault.Code = "the call's meaning of 404"
	conflict fault.Code = "the call's meaning of a conflict"
)

// rules is the one place where a refusal of Graph gets its meaning; the first match
// counts. Sources: Microsoft Graph, "Error responses", "Throttling", Create user,
// Create unifiedRoleAssignment. A 400 with a text nobody knows is tried again a bounded
// number of times, then left to a person.
var rules = []rule{
	{status: []int{429}, bare: true, class: fault.Transient, fault: fault.Throttled, remedy: "nothing to do unless it lasts: then see which application uses up the tenant's limits"},
	{code: "Authorization_IdentityNotFound", class: fault.Waiting, fault: fault.IdentityNotFound, remedy: "the tenant does not know our application (yet): grant admin consent under Enterprise applications > Permissions; a new consent takes a few minutes"},
	{status: []int{401}, bare: true, class: fault.Permanent, fault: fault.TokenRejected, remedy: "a fresh token is refused too: check that the Graph endpoint and scope are those of the tenant's cloud, and this machine's clock"},
	{code: "Directory_QuotaExceeded", class: fault.Permanent, fault: fault.QuotaExceeded, remedy: "the tenant's directory is full: delete objects that are not needed, or raise its quota with Microsoft"},
	{status: []int{400, 403}, code: "AadPremiumLicenseRequired", class: fault.Permanent, fault: fault.PIMUnavailable, remedy: "the tenant has no licence for Privileged Identity Management (Microsoft Entra ID P2 or Governance)"},
	{status: []int{400}, code: "ActiveDurationTooShort", class: fault.Waiting, fault: fault.RoleStillListed, remedy: "an assignment lasts five minutes at least: it is tried again"},
	{status: []int{400}, code: "RoleAssignmentRequestPolicyValidationFailed", class: fault.Permanent, fault: fault.RolePolicyRefused, remedy: "the tenant's settings of this role in Privileged Identity Management do not allow it: see its maximum duration"},
	{status: []int{403}, text: "backing application of the service principal", class: fault.Waiting, fault: fault.IdentityNotFound, remedy: "the new application is not known everywhere yet: wait a minute"},
	{status: []int{403}, code: "Authorization_RequestDenied", class: fault.Permanent, fault: fault.PermissionMissing, remedy: "no administrator has consented to {permission} for who signs in here, or the role it takes is not given: a Global Administrator or Privileged Role Administrator grants admin consent under Enterprise applications > Permissions"},
	{status: []int{403}, class: fault.Permanent, fault: fault.PermissionMissing, remedy: "who signs in lacks the permission {permission}: grant it with admin consent"},
	{status: []int{4}, code: "UnknownError", class: fault.Transient, fault: fault.ServiceUnavailable, remedy: "a gateway before the directory answered: it is tried again"},
	{status: []int{404}, fault: missing, remedy: "the directory does not know it, or not yet"},
	{status: []int{400, 410}, goesOn: true, class: fault.Transient, fault: fault.ListingExpired, remedy: "the listing is read again from its beginning"},

	{status: []int{400, 409}, detail: "ObjectConflict", target: "userPrincipalName", class: fault.Permanent, fault: fault.NameTaken, remedy: "another account has this name: choose another name, or ask for that account to be adopted"},
	{status: []int{400, 409}, text: "userPrincipalName already exists", class: fault.Permanent, fault: fault.NameTaken, remedy: "another account has this name: choose another name, or ask for that account to be adopted"},
	{status: []int{400, 409}, code: "RoleAssignmentExists", fault: conflict, remedy: "read back what is there"},
	{status: []int{400, 409}, text: "Permission being assigned already exists", fault: conflict, remedy: "read back what is there"},
	{status: []int{400, 409}, code: "Request_MultipleObjectsWithSameKeyValue", fault: conflict, remedy: "read back what is there"},
	{status: []int{400, 409}, detail: "ConflictingObjects", fault: conflict, remedy: "read back what is there"},
	{status: []int{400, 409}, detail: "ObjectConflict", fault: conflict, remedy: "read back what is there"},
	{status: []int{400, 409}, text: "conflicting object", fault: conflict, remedy: "read back what is there"},

	{status: []int{400}, detail: "NoBackingApplicationObject", class: fault.Waiting, fault: fault.IdentityNotFound, remedy: "the new application is not known everywhere yet: wait a minute"},
	{status: []int{400}, text: "does not reference a valid application object", class: fault.Waiting, fault: fault.IdentityNotFound, remedy: "the new application is not known everywhere yet: wait a minute"},
	{status: []int{400}, text: "domain portion of the userPrincipalName", class: fault.Permanent, fault: fault.DomainNotVerified, remedy: "use a verified domain of the tenant; its initial onmicrosoft.com domain always works"},
	{status: []int{400}, target: "userPrincipalName", class: fault.Permanent, fault: fault.NameInvalid, remedy: "use letters, digits and . - _ ! # ^ ~ ' before the @"},
	{status: []int{400}, text: "userPrincipalName is invalid", class: fault.Permanent, fault: fault.NameInvalid, remedy: "use letters, digits and . - _ ! # ^ ~ ' before the @"},
	{status: []int{400}, text: "password complexity", class: fault.Transient, fault: fault.PasswordRejected, remedy: "another password is tried; if it lasts, see the tenant's banned password list"},
	{status: []int{400}, text: "on-premises mastered", class: fault.Permanent, fault: fault.UserSynced, remedy: "the account is mastered in on-premises Active Directory: change it there"},
	{status: []int{400}, text: "contains invalid values", class: fault.Permanent, fault: fault.GraphRequestRejected, remedy: "correct the request: Graph accepts none of it as it is"},
	{status: []int{400}, code: "Request_UnsupportedQuery", class: fault.Permanent, fault: fault.GraphRequestRejected, remedy: "Graph does not support this query: report it as a defect"},
	{status: []int{405, 501}, class: fault.Permanent, fault: fault.GraphRequestRejected, remedy: "Graph does not offer this here: check the endpoint and the cloud"},

	{status: []int{5, 408, 409, 412, 423}, bare: true, class: fault.Transient, fault: fault.ServiceUnavailable, remedy: "it is tried again; if it lasts, see the tenant's service health"},
}

func (r rule) matches(c call, a *refusal) bool {
	inStatus := func(s int) bool { return s == a.status || s == a.status/100 }
	inDetail := func(d detail) bool {
		return (r.detail == "" || d.Code == r.detail) && (r.target == "" || strings.EqualFold(d.Target, r.target))
	}
	switch {
	case !r.bare && !a.named(),
		len(r.status) > 0 && !slices.ContainsFunc(r.status, inStatus),
		r.code != "" && r.code != a.code,
		(r.detail != "" || r.target != "") && !slices.ContainsFunc(a.details, inDetail),
		r.text != "" && !strings.Contains(strings.ToLower(a.message), strings.ToLower(r.text)),
		r.goesOn && !c.goesOn,
		r.fault == missing && c.missing == "",
		r.fault == conflict && c.conflict == "":
		return false
	}
	return true
}

// meaning looks a refusal up in the table.
func meaning(c call, a *refusal) rule {
	if i := slices.IndexFunc(rules, func(r rule) bool { return r.matches(c, a) }); i >= 0 {
		return rules[i].resolved(c)
	}
	if !a.named() {
		return rule{class: fault.Transient, fault: fault.AnswerNotUnderstood, remedy: "this is no answer of Graph: check the endpoint, and any proxy on the way"}
	}
	return rule{class: fault.Transient, fault: fault.GraphRequestRejected, remedy: "the reason is not one we know: it is tried a few more times, then read what Graph says and correct the request"}
}

// resolved puts in what the call means by "missing" and "conflict".
func (r rule) resolved(c call) rule {
	switch r.fault {
	case missing:
		r.fault, r.class = c.missing, fault.Permanent
		if c.missing == fault.UserNotReadable || c.missing == fault.IdentityNotFound {
			r.class = fault.Waiting
		}
	case conflict:
		r.fault, r.class = c.conflict, fault.Permanent
		if c.conflict == fault.ConsentNotVisible {
			r.class = fault.Waiting
		}
	}
	r.remedy = strings.ReplaceAll(r.remedy, "{permission}", c.permission)
	return r
}

// classify gives an error of this package its fault, and a text that says what was
// being done and what to do about it.
func classify(ctx context.Context, c call, err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return fmt.Errorf("%s: %w", c.doing, f)
	}
	if a, ok := errors.AsType[*refusal](err); ok {
		r := meaning(c, a)
		a.code, a.message, a.requestID = c.scrub(a.code), c.scrub(a.message), c.scrub(a.requestID)
		return &fault.Error{Class: r.class, Code: r.fault, After: a.after, Err: fmt.Errorf("%s: %w: %s", c.doing, a, r.remedy)}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", c.doing, ctx.Err())
	}
	if u, ok := errors.AsType[*unanswered](err); ok {
		return fault.Retry(fault.Unreachable, 0, fmt.Errorf("%s: no answer from Graph, so it is not known whether it was done: %w", c.doing, u.cause))
	}
	return fault.Retry(fault.AnswerNotUnderstood, 0, fmt.Errorf("%s: Graph's answer cannot be used: %s", c.doing, c.scrub(err.Error())))
}

// isMissing reports whether Graph itself said that the object does not exist.
func isMissing(err error) bool {
	a, ok := errors.AsType[*refusal](err)
	return ok && a.status == http.StatusNotFound && a.named() && a.code != "UnknownError"
}

// unlessMissing turns "gone already" into success.
func unlessMissing(err error) error {
	if isMissing(err) {
		return nil
	}
	return err
}

// unanswered is a request to which there was no answer.
type unanswered struct{ cause error }

func (u *unanswered) Error() string { return u.cause.Error() }
func (u *unanswered) Unwrap() error { return u.cause }

// misread is a success whose body is not what it must be.
type misread struct {
	cause     error
	requestID string
}

func (m *misread) Error() string { return m.cause.Error() + m.requestID }
func (m *misread) Unwrap() error { return m.cause }

// notAnswered is for an error of the pipeline: an answer that broke off, a classified
// failure of the sign-in, or no answer at all.
func notAnswered(err error) error {
	_, classified := errors.AsType[*fault.Error](err)
	_, tooLong := errors.AsType[*http.MaxBytesError](err)
	switch {
	case classified:
		return err
	case tooLong, errors.Is(err, io.ErrUnexpectedEOF):
		return &misread{cause: err}
	}
	return &unanswered{cause: err}
}

func notUnderstood(resp *http.Response, err error) error {
	return &misread{cause: err, requestID: fmt.Sprintf(" (status %d, request-id %s)", resp.StatusCode, cmp.Or(resp.Header.Get("request-id"), "none"))}
}

func errIncomplete(got string) error { return &misread{cause: fmt.Errorf("it has %s", got)} }

// token matches a JSON web token, which must not come back in a text.
var token = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)*`)

// scrub makes a foreign text fit for a log line: one line, not long, no secret.
func (c call) scrub(text string) string {
	if !c.secret.IsZero() {
		text = strings.ReplaceAll(text, c.secret.Reveal(), c.secret.String())
	}
	text = token.ReplaceAllString(text, "[redacted]")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300]) + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
