package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/policy"
)

// work are the actions a listing shows; syncs come too when all is asked for.
var work = []account.Action{account.Onboard, account.Modify, account.Offboard, account.Restore, account.Rotate, account.Extend}

func (c *console) listRequests(r *http.Request) (any, error) {
	f, err := c.filter(r.URL.Query())
	if err != nil {
		return nil, err
	}
	found, err := c.Requests.Requests(r.Context(), f)
	if err != nil {
		return nil, err
	}
	now, list := c.Now(), make([]Request, 0, len(found))
	for _, req := range found {
		list = append(list, c.view(req, now))
	}
	return list, nil
}

// filter reads the query: tenant, account, action, open, all, limit.
func (c *console) filter(q url.Values) (f ledger.Filter, err error) {
	if name := q.Get("tenant"); name != "" {
		t, err := c.tenant(name)
		if err != nil {
			return f, err
		}
		f.Tenant = t.ID
	}
	all, err := flag(q, "all")
	if err != nil {
		return f, err
	}
	if f.Open, err = flag(q, "open"); err != nil {
		return f, err
	}
	if text := q.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 {
			return f, badRequest("limit must be a number from 1, not %q", text)
		}
	}
	f.UserPrincipalName = q.Get("account")
	switch action := account.Action(q.Get("action")); {
	case action != "":
		f.Actions = []account.Action{action}
	case !all:
		f.Actions = work
	}
	return f, nil
}

func flag(q url.Values, name string) (bool, error) {
	text := q.Get(name)
	if text == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, badRequest("%s must be 1 or 0, not %q", name, text)
	}
	return on, nil
}

func (c *console) showRequest(r *http.Request) (any, error) {
	req, err := c.Requests.Request(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v := c.view(req, c.Now())
	if v.Timeline, err = c.Requests.Timeline(r.Context(), req.ID); err != nil {
		return nil, err
	}
	return v, nil
}

func (c *console) approve(r *http.Request) (any, error) {
	var a Approval
	if err := readJSON(r, &a); err != nil {
		return nil, err
	}
	if a.Via != "" && a.Via != viaConsole && a.Via != viaCommandLine {
		return nil, badRequest("via is %s or %s, not %q", viaConsole, viaCommandLine, a.Via)
	}
	by, proof, err := c.signatory(r, a.By)
	if err != nil {
		return nil, err
	}
	return c.ordered(c.Desk.Approve(r.Context(), r.PathValue("id"), account.Approval{
		By: by, Reason: a.Reason, Digest: a.Digest, Via: cmp.Or(a.Via, viaConsole), Proof: proof,
	}))
}

// The ways an approval comes over the API.
const (
	viaConsole     = "console"
	viaCommandLine = "cli"
)

// pending tells what a parked request needs from people.
func (c *console) pending(r account.Request, now time.Time) *Pending {
	if account.StateOf(r) != account.Parked {
		return nil
	}
	of, err := c.Cases.Case(r)
	if err != nil {
		return &Pending{Why: err.Error()}
	}
	s := of.Standing(r.Approvals, now)
	var proven []string
	for _, p := range s.MayApprove {
		if slices.ContainsFunc(c.Bearers, func(b policy.Bearer) bool { return b.ID == p.ID }) {
			proven = append(proven, p.ID)
		}
	}
	return &Pending{
		Digest: of.Digest, Why: s.Why, Reasons: of.Decision.Reasons, Missing: s.Missing, MayApprove: s.MayApprove, WithToken: proven,
		Counted: s.Counted, Until: s.Until, Void: s.Void, Narrower: of.Decision.Narrower,
	}
}

func (c *console) undo(r *http.Request) (any, error) {
	var u Undo
	if err := readJSON(r, &u); err != nil {
		return nil, err
	}
	if u.By == "" {
		return nil, badRequest("an undo needs a name in \"by\": who asks cannot agree to it")
	}
	return c.ordered(c.Desk.Undo(r.Context(), r.PathValue("id"), u.By))
}

// ordered shows the request that follows from an order.
func (c *console) ordered(req account.Request, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return c.view(req, c.Now()), nil
}

// view computes how a request stands.
func (c *console) view(r account.Request, now time.Time) Request {
	state := account.StateOf(r)
	v := Request{
		ID: r.ID, Action: r.Action, State: state, Over: state.Terminal(), Tenant: c.alias(r.Tenant), TenantID: r.Tenant,
		Profile: r.Profile, AccountID: r.AccountID, UserPrincipalName: r.UserPrincipalName, Ticket: r.Ticket,
		Requester: r.Requester, Reason: r.Reason, CreatedAt: r.CreatedAt, Parked: r.Parked, Approvals: r.Approvals,
		ApprovedAt: r.ApprovedAt, Pending: c.pending(r, now), Cancelled: r.Cancelled, Undoes: r.Undoes, Fault: faultOf(r),
		Steps: make([]Step, 0, len(r.Steps)),
	}
	for _, s := range r.Steps {
		v.Steps = append(v.Steps, viewStep(s, now))
	}
	return v
}

// faultOf gives why a request was refused, or the first step that failed for good.
func faultOf(r account.Request) *Problem {
	if r.Refused != "" {
		code := fault.Code(r.RefusedCode)
		return &Problem{Code: code, Message: r.Refused, Remedy: fault.Remedy(code)}
	}
	for _, s := range r.Steps {
		if s.State == account.StepFailed {
			code := fault.Code(s.FaultCode)
			return &Problem{Code: code, Message: s.Fault, Remedy: fault.Remedy(code)}
		}
	}
	return nil
}

func viewStep(s account.Step, now time.Time) Step {
	waited := s.Waited(now)
	v := Step{
		Name: s.Name, Function: s.Function, Title: s.Title, State: s.State, Compensates: s.Compensates,
		Attempts: s.Attempt, Failures: s.Failures, WaitedSeconds: waited.Round(time.Millisecond).Seconds(),
		NextTry: s.NextTry, Detail: s.Detail, StartedAt: s.FirstSeen, FinishedAt: s.FinishedAt,
	}
	if !s.FirstSeen.IsZero() {
		v.Waited = Span(waited)
	}
	// What a step waited for is history once it is done.
	if s.State != account.StepDone {
		v.FaultCode, v.Fault, v.Remedy = s.FaultCode, s.Fault, fault.Remedy(fault.Code(s.FaultCode))
	}
	return v
}
