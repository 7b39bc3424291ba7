package grantconsent

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/consent"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/step"
)

// Links knows the consent links that were handed out, and what came back.
type Links interface {
	// Latest gives the link of a step that works, or worked last, and reports false when
	// none was made.
	Latest(ctx context.Context, request, step string) (consent.Link, bool, error)
}

// WithLinks adds what the consent by link takes, and gives h. Without it such a step is refused.
func (h *Handler) WithLinks(l Links, p consent.Proof) *Handler {
	h.links, h.proof = l, p
	return h
}

// WithPolicy has what comes with a consent beyond what was asked for put to the policy.
func (h *Handler) WithPolicy(decide func(policy.Facts) policy.Decision) *Handler {
	h.decide = decide
	return h
}

// week is how long an administrator may take.
const week = 7 * 24 * time.Hour

// settled is how long a consent that was given may take to show.
const settled = 15 * time.Minute

// The waits for an administrator. An answer wakes the step, so that looking is only for
// answers that did not reach us.
var (
	awaiting = step.Waiting{Patience: week, Wait: seldom, Alarm: 3 * 24 * time.Hour}
	showing  = step.Waiting{Patience: week, Wait: step.Steady, Alarm: 3 * 24 * time.Hour}
)

// seldom looks every few seconds at first, and every five minutes in the end.
func seldom(_ account.TenantID, waited time.Duration, _ int, rnd float64) time.Duration {
	pause := min(max(5*time.Second, waited/4), 5*time.Minute)
	return pause + time.Duration(rnd*float64(pause)/10)
}

// round is where a consent by link stands.
type round struct {
	// Open says that what the application held before is on record: Before, beyond what is
	// wanted, by grant.
	Open   bool     `json:"open,omitempty"`
	Before []string `json:"before,omitempty"`
	// Asked is when the step was first tried (Unix milliseconds) in the round in which the
	// ticket got a link: a step that a person has tried anew asks once more.
	Asked int64 `json:"asked,omitempty"`
	// Told is what the ticket heard of last.
	Told string `json:"told,omitempty"`
}

// byLink has an administrator consent, and is done when the permissions are read back with
// a token of the tenant, whatever a browser said.
func (h *Handler) byLink(ctx context.Context, t task) (step.Result, error) {
	var r round
	if err := r.read(t); err != nil {
		return step.Result{}, err
	}
	s, err := h.look(ctx, t)
	if err != nil {
		return step.Result{}, err
	}
	held, err := h.held(ctx, t, s)
	if err != nil {
		return step.Result{}, err
	}
	if !r.Open {
		r.Open = true
		for _, p := range consent.Without(held, wantedOf(t)) {
			if t.Account.Grant(p.Kind(), p.Target(t.Args.AppID)) == nil {
				r.Before = append(r.Before, key(p))
			}
		}
		return step.Result{Again: true, Learn: s.intent(t), Checkpoint: r.write()}, nil
	}
	res := step.Result{Learn: r.learn(t, s, held)}
	if s.there && len(s.lacking()) == 0 {
		return h.prove(ctx, t, r, res)
	}
	if first := t.Step.FirstSeen.UnixMilli(); r.Asked != first {
		r.Asked, r.Told = first, ""
		res.Again, res.Checkpoint = true, r.write()
		res.Consent = consent.AskOf(t.Step.Name, t.Args)
		return res, nil
	}
	return h.await(ctx, t, r, res, s)
}

// forbids says why the policy does not let an application keep what came with its consent.
// The administrator who consented stands for one approver, and for no more.
func (h *Handler) forbids(t task, more []account.AppPermission) string {
	if h.decide == nil {
		return ""
	}
	f := policy.Facts{Tenant: t.Tenant.Alias}
	for _, p := range more {
		f.Rights = append(f.Rights, policy.RightOf(account.Grant{Kind: p.Kind(), Target: p.Target(t.Args.AppID)}))
	}
	if d := h.decide(f); d.Tier > policy.OneApprover {
		return d.Summary()
	}
	return ""
}

func wantedOf(t task) (all []account.AppPermission) {
	for _, p := range t.Args.Permissions {
		all = append(all, account.AppPermission(p))
	}
	return all
}

// held is everything that the application holds.
func (h *Handler) held(ctx context.Context, t task, s scene) ([]account.AppPermission, error) {
	if !s.there {
		return nil, nil
	}
	held, err := h.proof.Granted(ctx, t.Tenant.ID, t.Args.AppID)
	if err != nil {
		return nil, fmt.Errorf("read back what %s may do: %w", t.Args.App, err)
	}
	return held, nil
}

// prove ends the step when a fresh token of the tenant sees what shows.
func (h *Handler) prove(ctx context.Context, t task, r round, res step.Result) (step.Result, error) {
	v, err := consent.Prove(ctx, h.proof, t.Tenant.ID, t.Args.AppID, wantedOf(t))
	switch {
	case err != nil:
		return res, err
	case v.Outcome == consent.OtherTenant:
		return res, fault.Stopf(fault.CredentialInvalid, "prove the consent to %s: %s", t.Args.App, v.Reason)
	case v.Outcome != consent.Granted:
		return res, fault.NotReadyf(fault.ConsentUnproven, "%s: %s", t.Args.App, v.Reason)
	}
	res.Detail = fmt.Sprintf("%s may use %s", t.Args.App, strings.Join(namesOf(wantedOf(t)), ", "))
	if more := r.beyond(t, v.Held); len(more) > 0 {
		if why := h.forbids(t, more); why != "" {
			return res, fault.Stopf(fault.PolicyForbidden, "the registration of %s also asked for what nobody had agreed to: %s", t.Args.App, why)
		}
		res.Detail += "; its registration also asked for " + strings.Join(namesOf(more), ", ")
	}
	return res, nil
}

// await says what the step waits for, and tells the ticket once of each answer.
func (h *Handler) await(ctx context.Context, t task, r round, res step.Result, s scene) (step.Result, error) {
	link, made, err := h.links.Latest(ctx, t.Request.ID, t.Step.Name)
	if err != nil {
		return res, fmt.Errorf("look at the consent link of %s: %w", t.Args.App, err)
	}
	code, why := fault.ConsentAwaited, "the ticket has not taken the consent link yet"
	if made {
		code, why = standing(link, t.Now, s)
	}
	wait := &fault.Error{Class: fault.Waiting, Code: code, Err: fmt.Errorf("%s: %s", t.Args.App, why)}
	if since := link.Answer; since != nil && t.Now.Sub(since.At) >= settled {
		wait.After = 5 * time.Minute
	}
	if told := fmt.Sprintf("%s %d", code, link.IssuedAt.UnixMilli()); loud(code, link, t.Now) && r.Told != told {
		r.Told, res.Tell = told, true
		res.Checkpoint = r.write()
	}
	return res, wait
}

// standing says how it stands with a link that was handed out.
func standing(link consent.Link, now time.Time, s scene) (fault.Code, string) {
	a := link.Answer
	switch {
	case a == nil && now.Before(link.ExpiresAt):
		return fault.ConsentAwaited, "no administrator has answered the link yet; it works until " + link.ExpiresAt.UTC().Format("2 January 15:04 UTC")
	case a == nil:
		return fault.ConsentExpired, "nobody answered the link in time; ask for a new one"
	case a.Outcome == consent.Declined:
		return fault.ConsentDeclined, a.Reason + "; a new link can be asked for"
	case a.Outcome == consent.OtherTenant:
		return fault.ConsentElsewhere, a.Reason + "; ask for a new link"
	case a.Elsewhere && now.Sub(a.At) >= settled:
		return fault.ConsentElsewhere, "nothing was granted in this tenant, and the answer names another one; ask for a new link"
	}
	return fault.ConsentUnproven, "the link was answered with yes; in the tenant these do not show: " + strings.Join(s.lacking(), ", ")
}

// loud reports whether the ticket is to hear of it: an answer that grants nothing.
func loud(code fault.Code, link consent.Link, now time.Time) bool {
	switch code {
	case fault.ConsentAwaited:
		return false
	case fault.ConsentUnproven:
		return now.Sub(link.Answer.At) >= settled
	}
	return true
}

// learn puts on record what shows. What was granted beyond the wanted permissions while
// our link was open came with it, for the page grants all that the registration lists: it
// is ours too, and goes at the end.
func (r round) learn(t task, s scene, held []account.AppPermission) func(*account.Account) {
	wanted, more := s.learn(t), r.beyond(t, held)
	return func(a *account.Account) {
		wanted(a)
		for _, p := range more {
			if a.Grant(p.Kind(), p.Target(t.Args.AppID)) == nil {
				a.Grants = append(a.Grants, account.Grant{
					Kind: p.Kind(), Target: p.Target(t.Args.AppID), Name: p.String(), State: account.GrantGiven, Ours: true,
					Detail: "came with the consent: the application's registration asks for it",
				})
			}
		}
	}
}

// beyond are the permissions that nobody wanted and that were not there before.
func (r round) beyond(t task, held []account.AppPermission) []account.AppPermission {
	return slices.DeleteFunc(consent.Without(held, wantedOf(t)), func(p account.AppPermission) bool { return slices.Contains(r.Before, key(p)) })
}

func key(p account.AppPermission) string {
	return strings.ToLower(string(p.Kind()) + "/" + p.Resource + "/" + p.Name)
}

func namesOf(permissions []account.AppPermission) (all []string) {
	for _, p := range permissions {
		all = append(all, p.String())
	}
	return all
}

func (r *round) read(t task) error {
	if len(t.Step.Checkpoint) == 0 {
		return nil
	}
	if err := json.Unmarshal(t.Step.Checkpoint, r); err != nil {
		return fault.Stopf(fault.MalformedCommand, "read where %s stands: %w", t.Step.Name, err)
	}
	return nil
}

func (r round) write() json.RawMessage {
	b, err := json.Marshal(r)
	if err != nil {
		panic("grantconsent: a checkpoint cannot be written: " + err.Error()) // it holds texts and numbers only
	}
	return b
}
