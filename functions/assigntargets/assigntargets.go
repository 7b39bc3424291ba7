// Package assigntargets says whom a vendor's application is for: every user of the
// tenant, or chosen users and groups. It assigns the users to the application's service
// principal and lets nobody else in. Groups are resolved here, to users, so that the
// tenant needs no licence for assigning groups; that is why the choice has to be
// synchronised again and again.
//
// Entra asks for the assignment when a user signs in to the application, and for what it
// does on a user's behalf. A permission of the application's own is not limited by it
// (Microsoft: "Restrict a Microsoft Entra app to a set of users", "Properties of an
// enterprise application: Assignment required").
package assigntargets

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Applications is what this function needs of the tenant's applications.
type Applications interface {
	ServicePrincipal(ctx context.Context, t account.TenantID, appID string) (account.ServicePrincipal, bool, error)
	RequireAssignment(ctx context.Context, t account.TenantID, principal string, required bool) error
}

// Assignments is what it needs of the users of an application.
type Assignments interface {
	Assignments(ctx context.Context, t account.TenantID, principal string) ([]account.Assignment, error)
	// Assign is no error for a user who is assigned already.
	Assign(ctx context.Context, t account.TenantID, principal, user, role string) error
	// Unassign is no error for an assignment that is gone already.
	Unassign(ctx context.Context, t account.TenantID, principal, assignment string) error
}

// Directory finds users and groups.
type Directory interface {
	User(ctx context.Context, t account.TenantID, name string) (account.User, error)
	GroupsNamed(ctx context.Context, t account.TenantID, name string) ([]account.Group, error)
	GroupsBeginning(ctx context.Context, t account.TenantID, text string) ([]account.Group, error)
	MembersOf(ctx context.Context, t account.TenantID, group string) ([]account.TargetUser, error)
}

// Delegations is what it needs of delegated permissions.
type Delegations interface {
	DelegatedGrants(ctx context.Context, t account.TenantID, client string) ([]account.DelegatedGrant, error)
	WithdrawDelegated(ctx context.Context, t account.TenantID, grantID string) error
}

// Options are what the handler works with. Every field is required.
type Options struct {
	Applications Applications
	Assignments  Assignments
	Directory    Directory
	Delegations  Delegations
}

// Handler assigns the users of connections.
type Handler struct{ Options }

// Policy is how patient the function is. What an administrator of the tenant has to put
// right is left to them: the request is parked, and goes on from there.
var Policy = step.Policy{Park: parks}

func parks(code fault.Code) bool {
	switch code {
	case fault.ConsentMissing, fault.IdentityNotFound, fault.PermissionMissing:
		return true
	}
	return false
}

// New makes the handler.
func New(o Options) *Handler { return &Handler{o} }

type task = step.Task[events.AssignTargetsArgs]

// chosen is the checkpoint of a step whose choice is on the account's row.
var chosen = json.RawMessage(`{"chosen":true}`)

// Handle makes the choice first, which looks every name up and changes nothing in the
// tenant; then it gives and takes assignments, and is done when they read back so.
func (h *Handler) Handle(ctx context.Context, t task) (step.Result, error) {
	if t.Account.AppID == "" {
		return step.Result{}, fault.Stopf(fault.MalformedCommand, "%s is no connection of an application", t.Account.UserPrincipalName)
	}
	s, err := h.look(ctx, t)
	if err != nil {
		return step.Result{}, err
	}
	if len(t.Step.Checkpoint) == 0 {
		next, err := h.choose(ctx, t, s)
		if err != nil {
			return step.Result{}, err
		}
		next.PerUser = s.perUser // what is withdrawn is on record before it is
		return step.Result{Again: true, Checkpoint: chosen, Learn: func(a *account.Account) { a.Targets = next; promise(a) }}, nil
	}
	finished, err := h.reach(ctx, t, s)
	if err != nil || !finished {
		return step.Result{Again: err == nil}, err
	}
	if s, err = h.look(ctx, t); err != nil {
		return step.Result{}, err
	}
	return h.readBack(t, s)
}

// scene is what there is.
type scene struct {
	app account.ServicePrincipal
	// held are assignments of users, by user.
	held    map[string][]account.Assignment
	perUser []account.PerUserGrant
}

func (h *Handler) look(ctx context.Context, t task) (s scene, err error) {
	there := false
	if s.app, there, err = h.Applications.ServicePrincipal(ctx, t.Tenant.ID, t.Account.AppID); err != nil {
		return s, err
	}
	if !there {
		return s, fault.NotReadyf(fault.ConsentNotVisible, "the tenant does not show the application of %s yet", t.Account.UserPrincipalName)
	}
	list, err := h.Assignments.Assignments(ctx, t.Tenant.ID, s.app.ObjectID)
	if err != nil {
		return s, fmt.Errorf("list who is assigned to %s: %w", s.app.DisplayName, err)
	}
	s.held = map[string][]account.Assignment{}
	for _, a := range list {
		if a.PrincipalType == "User" {
			s.held[a.PrincipalID] = append(s.held[a.PrincipalID], a)
		}
	}
	s.perUser, err = h.consents(ctx, t, s.app)
	return s, err
}

// consents lists what single users consented to, with their names.
func (h *Handler) consents(ctx context.Context, t task, app account.ServicePrincipal) (list []account.PerUserGrant, err error) {
	all, err := h.Delegations.DelegatedGrants(ctx, t.Tenant.ID, app.ObjectID)
	if err != nil {
		return nil, fmt.Errorf("list the delegated permissions of %s: %w", app.DisplayName, err)
	}
	for _, g := range all {
		if g.UserID == "" {
			continue
		}
		found := account.PerUserGrant{TargetUser: account.TargetUser{ObjectID: g.UserID}, GrantID: g.ID, Scopes: g.Scopes}
		user, err := h.Directory.User(ctx, t.Tenant.ID, g.UserID)
		switch {
		case err == nil:
			found.TargetUser = targetOf(user)
		case !fault.Is(err, fault.UserNotFound):
			return nil, fmt.Errorf("look for the user of a consent: %w", err)
		}
		list = append(list, found)
	}
	return list, nil
}

func targetOf(u account.User) account.TargetUser {
	return account.TargetUser{ObjectID: u.ObjectID, UserPrincipalName: u.UserPrincipalName, DisplayName: u.DisplayName}
}

// promise puts the right on the row that a revocation takes away.
func promise(a *account.Account) *account.Grant {
	if g := a.Grant(account.TargetUsers, a.AppID); g != nil {
		if g.State == account.GrantPlanned || g.State == account.GrantTaken {
			g.State = account.GrantIntended
		}
		return g
	}
	a.Grants = append(a.Grants, account.Grant{
		Kind: account.TargetUsers, Target: a.AppID, Name: "users of " + a.UserPrincipalName, State: account.GrantIntended, Ours: true,
	})
	return &a.Grants[len(a.Grants)-1]
}

// turnUp is how long an assignment whose reply was lost may take to show.
const turnUp = 2 * time.Minute
