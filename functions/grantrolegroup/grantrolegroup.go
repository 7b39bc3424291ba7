// Package grantrolegroup makes an account a member of an Exchange Online role
// group, however long Exchange takes to hear of the account.
package grantrolegroup

import (
	"context"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Directory is the authority on whether the account exists at all.
type Directory interface {
	User(ctx context.Context, t account.TenantID, name string) (account.User, error)
}

// RoleGroups is what this function needs of Exchange.
type RoleGroups interface {
	IsRoleGroupMember(ctx context.Context, t account.TenantID, group string, m account.Member) (bool, error)
	// AddRoleGroupMember gives fault.ExchangeNotReplicated while Exchange does not know
	// the member, and fault.RoleGroupNotFound when there is no such group.
	AddRoleGroupMember(ctx context.Context, t account.TenantID, group string, m account.Member) error
}

// Waiting decides how often a waiting account is tried, and learns from the outcome.
type Waiting interface {
	// ShouldTry is false when a call shared with other waiting accounts has just
	// shown that Exchange does not know the member yet.
	ShouldTry(ctx context.Context, t account.TenantID, m account.Member, waited time.Duration) (bool, error)
	// Known reports how long the member took to become known.
	Known(t account.TenantID, m account.Member, waited time.Duration)
}

// Handler grants role groups.
type Handler struct {
	directory Directory
	groups    RoleGroups
	waiting   Waiting
}

// Microsoft documents that changes usually reach Exchange within 30 minutes and
// may take 24 hours, after which support can help ("Delays in provisioning").
const (
	patience   = 24 * time.Hour
	tellAfter  = 30 * time.Minute
	alarmAfter = 2 * time.Hour
)

// Policy is how patient the function is; next is the pause that the wait policy learned.
func Policy(next step.Wait) step.Policy {
	return step.Policy{Patience: patience, Tell: tellAfter, Alarm: alarmAfter, Wait: next}
}

// New makes the handler.
func New(d Directory, g RoleGroups, w Waiting) *Handler { return &Handler{d, g, w} }

// Handle adds the member and is done when the membership can be read back.
func (h *Handler) Handle(ctx context.Context, t step.Task[events.GrantRoleGroupArgs]) (step.Result, error) {
	member := account.Member{ObjectID: t.Account.ObjectID, UserPrincipalName: t.Account.UserPrincipalName}
	if err := h.exists(ctx, t, member); err != nil {
		return step.Result{}, err
	}
	if try, err := h.waiting.ShouldTry(ctx, t.Tenant.ID, member, t.Waited()); err == nil && !try {
		return step.Result{}, fault.NotReadyf(fault.ExchangeNotReplicated, "Exchange does not list %s yet", member.UserPrincipalName)
	}
	if done, res, err := h.foundBefore(ctx, t, member); done {
		return res, err
	}
	if err := h.groups.AddRoleGroupMember(ctx, t.Tenant.ID, t.Args.RoleGroup, member); err != nil {
		return step.Result{}, fmt.Errorf("add %s to %s: %w", member.UserPrincipalName, t.Args.RoleGroup, err)
	}
	h.waiting.Known(t.Tenant.ID, member, t.Waited())
	switch is, err := h.groups.IsRoleGroupMember(ctx, t.Tenant.ID, t.Args.RoleGroup, member); {
	case err != nil:
		return step.Result{}, fmt.Errorf("read back the members of %s: %w", t.Args.RoleGroup, err)
	case !is:
		return step.Result{}, fault.NotReadyf(fault.MemberNotVisible, "%s does not list its new member %s yet", t.Args.RoleGroup, member.UserPrincipalName)
	}
	return given(t), nil
}

// exists asks Entra first: an id that Entra does not know is wrong, and no wait will cure it.
func (h *Handler) exists(ctx context.Context, t step.Task[events.GrantRoleGroupArgs], m account.Member) error {
	if m.ObjectID == "" {
		return fault.Stopf(fault.UserNotFound, "the account %s was never made", m.UserPrincipalName)
	}
	_, err := h.directory.User(ctx, t.Tenant.ID, m.ObjectID)
	if fault.Is(err, fault.UserNotFound) && t.Waited() < readable {
		return fault.NotReady(fault.UserNotReadable, err)
	}
	if err != nil {
		return fmt.Errorf("see whether Entra knows %s: %w", m.UserPrincipalName, err)
	}
	return nil
}

// readable is how long one replica of Entra may not show an account that another
// one has shown. After that the account is gone.
const readable = 5 * time.Minute

// foundBefore looks for the membership before the first try. An adopted account may
// be a member already, and that membership is not ours to take away; so the intent
// goes on record before the effect.
func (h *Handler) foundBefore(ctx context.Context, t step.Task[events.GrantRoleGroupArgs], m account.Member) (bool, step.Result, error) {
	grant := t.Account.Grant(account.RoleGroup, t.Args.RoleGroup)
	if t.Account.Origin != account.Adopted || grant == nil || grant.State != account.GrantPlanned {
		return false, step.Result{}, nil
	}
	is, err := h.groups.IsRoleGroupMember(ctx, t.Tenant.ID, t.Args.RoleGroup, m)
	if err != nil {
		return true, step.Result{}, fmt.Errorf("see whether %s is a member of %s already: %w", m.UserPrincipalName, t.Args.RoleGroup, err)
	}
	if is {
		res := given(t)
		learn := res.Learn
		res.Detail += " already, before us"
		res.Learn = func(a *account.Account) {
			learn(a)
			a.Grant(account.RoleGroup, t.Args.RoleGroup).Ours = false
		}
		return true, res, nil
	}
	return true, step.Result{Again: true, Learn: func(a *account.Account) {
		a.Grant(account.RoleGroup, t.Args.RoleGroup).State = account.GrantIntended
	}}, nil
}

func given(t step.Task[events.GrantRoleGroupArgs]) step.Result {
	return step.Result{
		Detail: "Member of " + t.Args.RoleGroup,
		Learn: func(a *account.Account) {
			if g := a.Grant(account.RoleGroup, t.Args.RoleGroup); g != nil {
				g.State = account.GrantGiven
			}
		},
	}
}
