// Package revoke takes an account away, one part at a time: role groups, directory
// roles, sign-in, sessions, the account itself. It also gives an account back
// within the 30 days that Entra keeps it. An account that is mastered in on-premises
// Active Directory is disabled and deleted there.
package revoke

import (
	"context"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/step"
)

// Users is what this function needs of Entra's accounts.
type Users interface {
	User(ctx context.Context, t account.TenantID, name string) (account.User, error)
	UserByImmutableID(ctx context.Context, t account.TenantID, immutableID string) (account.User, error)
	SetEnabled(ctx context.Context, t account.TenantID, id string, enabled bool) error
	RevokeSessions(ctx context.Context, t account.TenantID, id string) error
	DeleteUser(ctx context.Context, t account.TenantID, id string) error
}

// Deleted is what it needs of Entra's deleted accounts.
type Deleted interface {
	DeletedUser(ctx context.Context, t account.TenantID, id string) (account.User, error)
	RestoreUser(ctx context.Context, t account.TenantID, id string) error
	PurgeUser(ctx context.Context, t account.TenantID, id string) error
}

// Roles is what it needs of Entra's role assignments.
type Roles interface {
	RoleAssignments(ctx context.Context, t account.TenantID, principal string) ([]account.RoleAssignment, error)
	RoleHolders(ctx context.Context, t account.TenantID, role string) ([]account.RoleAssignment, error)
	RemoveRoleAssignment(ctx context.Context, t account.TenantID, id string) error
	// EndRole ends a role early that was to end by itself.
	EndRole(ctx context.Context, t account.TenantID, principal, role string) error
}

// RoleGroups is what it needs of Exchange.
type RoleGroups interface {
	IsRoleGroupMember(ctx context.Context, t account.TenantID, group string, m account.Member) (bool, error)
	RemoveRoleGroupMember(ctx context.Context, t account.TenantID, group string, m account.Member) error
}

// Options build a Handler. Every field is required.
type Options struct {
	Users      Users
	Deleted    Deleted
	Roles      Roles
	RoleGroups RoleGroups
	OnPremises OnPremises
	// Limits bound the Global Administrators of a tenant, by its alias.
	Limits func(alias string) policy.Limits
}

// Handler revokes and restores.
type Handler struct {
	Options
	// passed are the parts that others do.
	passed map[events.RevokePart]step.Func[events.RevokeArgs]
}

// Policy is how patient the function is: a removed role lets go of its account
// within minutes, an hour at most. A part that cannot be taken away does not keep
// the others from being taken. A synced account has to wait for Entra Connect.
var Policy = step.Policy{
	Patience: time.Hour, GoOn: goesOn,
	Waits: map[fault.Code]step.Waiting{
		fault.EntraConnectNotSynced: step.EntraConnect, fault.ConsentPolicyNotVisible: step.TenantSetting,
	},
}

// goesOn is false where the account must not be touched at all.
func goesOn(code fault.Code) bool {
	switch code {
	case fault.AccountProtected, fault.AccountHeld, fault.FederationUnknown, fault.LastGlobalAdmin, fault.GlobalAdminCount, fault.RestoreWindowOver, fault.UserSynced:
		return false
	}
	return true
}

// New makes the handler.
func New(o Options) *Handler {
	return &Handler{o, map[events.RevokePart]step.Func[events.RevokeArgs]{}}
}

// Pass has parts done by another handler, which needs no account in Entra, and gives h.
func (h *Handler) Pass(to step.Func[events.RevokeArgs], parts ...events.RevokePart) *Handler {
	for _, part := range parts {
		h.passed[part] = to
	}
	return h
}

type task = step.Task[events.RevokeArgs]

// Handle takes away (or gives back) one part and is done when that can be read back.
func (h *Handler) Handle(ctx context.Context, t task) (step.Result, error) {
	if err := allowed(t); err != nil {
		return step.Result{}, err
	}
	if to, ok := h.passed[t.Args.Part]; ok {
		return to(ctx, t)
	}
	if t.Args.ForReset && t.Account.Password.SetBy == t.Request.ID {
		return step.Result{Detail: "Kept: the new password is set already"}, nil
	}
	if t.Account.ObjectID != "" && keepsAdmin(t) {
		if err := h.guardAdmins(ctx, t, account.GlobalAdministrator); err != nil {
			return step.Result{}, err
		}
	}
	switch {
	case t.Account.OnPremises.Mastered():
		return h.synced(ctx, t)
	case t.Account.ObjectID == "":
		return h.locate(ctx, t)
	}
	return h.part(ctx, t)
}

// part takes away or gives back what is Entra's and Exchange's.
func (h *Handler) part(ctx context.Context, t task) (step.Result, error) {
	switch t.Args.Part {
	case events.RevokeRoleGroup:
		return h.roleGroup(ctx, t)
	case events.RevokeRole:
		return h.role(ctx, t)
	case events.RevokeEnabled:
		return h.disable(ctx, t)
	case events.RevokeSessions:
		return h.sessions(ctx, t)
	case events.RevokeAccount:
		return h.delete(ctx, t)
	case events.RevokeForGood:
		return h.purge(ctx, t)
	case events.RestoreAccount:
		return h.restore(ctx, t)
	case events.RestoreEnabled:
		return h.enable(ctx, t)
	}
	return step.Result{}, fault.Stopf(fault.MalformedCommand, "revoke knows no part %q", t.Args.Part)
}

// allowed guards what must never be touched. A hold does not stop the compensation
// of a failed onboarding: nobody uses that account yet.
func allowed(t task) error {
	acc := t.Account
	if t.Tenant.Protects(acc.ObjectID, acc.UserPrincipalName) {
		return fault.Stopf(fault.AccountProtected, "%s is a protected account of this tenant", acc.UserPrincipalName)
	}
	if takes(t.Args.Part) && !t.Step.Compensates && acc.Hold.Active(t.Now) {
		return fault.Stopf(fault.AccountHeld, "%s is on hold: %s", acc.UserPrincipalName, acc.Hold.Reason)
	}
	if acc.Origin == account.Adopted && ends(t.Args.Part) {
		return fault.Stopf(fault.AccountProtected, "%s was adopted: it is relieved of what we gave, never disabled or deleted", acc.UserPrincipalName)
	}
	return nil
}

func takes(p events.RevokePart) bool {
	return p != events.RestoreAccount && p != events.RestoreEnabled
}

func ends(p events.RevokePart) bool {
	switch p {
	case events.RevokeEnabled, events.RevokeSessions, events.RevokeAccount, events.RevokeForGood:
		return true
	}
	return false
}

// lateness is how long after the last try of a giving step its effect may still
// turn up: the reply was lost, and Entra's replicas have not caught up. Microsoft
// promises no figure; minutes have been seen, so this is generous.
const lateness = 15 * time.Minute

// locate looks for an account whose creation was never confirmed. The stamp tells
// whether it is ours; a foreign account of that name is left alone.
func (h *Handler) locate(ctx context.Context, t task) (step.Result, error) {
	user, err := h.Users.User(ctx, t.Tenant.ID, t.Account.UserPrincipalName)
	switch {
	case fault.Is(err, fault.UserNotFound) && t.Now.Sub(t.Account.TriedAt) < lateness:
		return step.Result{}, fault.NotReadyf(fault.UserNotReadable, "%s may still turn up: its creation was tried moments ago", t.Account.UserPrincipalName)
	case fault.Is(err, fault.UserNotFound):
		return step.Result{Detail: "Nothing there: the account was never made"}, nil
	case err != nil:
		return step.Result{}, fmt.Errorf("look for %s: %w", t.Account.UserPrincipalName, err)
	case user.Stamp != account.StampOf(t.Account.RequestID):
		return step.Result{Detail: "Nothing there: the account of that name is not ours"}, nil
	}
	return step.Result{Again: true, Learn: func(a *account.Account) { a.ObjectID = user.ObjectID }}, nil
}

// presence says where an account is.
type presence int

const (
	present presence = iota
	softDeleted
	gone
)

// see reads where the account is. Not to be found anywhere is believed only when
// nothing was given of late and the request is not new itself.
func (h *Handler) see(ctx context.Context, t task) (account.User, presence, error) {
	user, err := h.Users.User(ctx, t.Tenant.ID, t.Account.ObjectID)
	if err == nil {
		return user, present, nil
	}
	if !fault.Is(err, fault.UserNotFound) {
		return user, present, fmt.Errorf("read %s: %w", t.Account.UserPrincipalName, err)
	}
	user, err = h.Deleted.DeletedUser(ctx, t.Tenant.ID, t.Account.ObjectID)
	switch {
	case err == nil:
		return user, softDeleted, nil
	case !fault.Is(err, fault.UserNotFound):
		return user, present, fmt.Errorf("look for %s among the deleted: %w", t.Account.UserPrincipalName, err)
	case t.Now.Sub(latest(t.Account.TriedAt, t.Request.CreatedAt)) < lateness:
		return user, present, fault.NotReadyf(fault.UserNotReadable, "%s shows neither among the accounts nor among the deleted", t.Account.UserPrincipalName)
	}
	return user, gone, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
