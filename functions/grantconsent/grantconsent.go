// Package grantconsent gives a vendor's application its permissions in a tenant. By the
// direct method nobody opens a consent page: it makes the application's service principal,
// gives application permissions, and delegated ones for every user. By link it has an
// administrator consent, and proves in the tenant that it happened.
//
// Whoever plans such a step puts a grant for the application (account.Application) and
// for each permission (AppPermission.Kind and Target) on the account's row, and has the
// rights approved first: an application permission can be as mighty as a Global
// Administrator. What was there before is marked as not ours, and stays at the end.
package grantconsent

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/consent"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/step"
)

// Applications is what this function needs of the tenant's applications.
type Applications interface {
	ServicePrincipal(ctx context.Context, t account.TenantID, appID string) (account.ServicePrincipal, bool, error)
	// MakeServicePrincipal is no error for an application that has one;
	// fault.ApplicationUnknown says that no tenant offers such an application.
	MakeServicePrincipal(ctx context.Context, t account.TenantID, appID string) error
}

// Permissions is what it needs of application permissions.
type Permissions interface {
	Grants(ctx context.Context, t account.TenantID, principal string) ([]account.AppGrant, error)
	// GivePermission is no error for a permission that is held already.
	GivePermission(ctx context.Context, t account.TenantID, principal, resource, permission string) error
}

// Delegations is what it needs of delegated permissions.
type Delegations interface {
	DelegatedGrants(ctx context.Context, t account.TenantID, client string) ([]account.DelegatedGrant, error)
	// GiveDelegated gives fault.ConsentNotVisible when the client has a grant for this
	// API already.
	GiveDelegated(ctx context.Context, t account.TenantID, g account.DelegatedGrant) error
	SetScopes(ctx context.Context, t account.TenantID, grantID string, scopes []string) error
}

// Handler grants consents.
type Handler struct {
	apps        Applications
	permissions Permissions
	delegations Delegations
	setting     *Setting
	links       Links
	proof       consent.Proof
	decide      func(policy.Facts) policy.Decision
}

// Policy is how patient the function is: with an administrator a week, then with a person
// who has the step tried anew, which hands out a new link. A setting of the tenant takes its time.
// What an administrator of the tenant has to put right is left to them: the request is parked,
// and goes on from there.
var Policy = step.Policy{
	Waits: map[fault.Code]step.Waiting{
		fault.ConsentAwaited: awaiting, fault.ConsentDeclined: awaiting, fault.ConsentElsewhere: awaiting,
		fault.ConsentExpired: awaiting, fault.ConsentUnproven: showing,
		fault.ConsentPolicyNotVisible: step.TenantSetting,
	},
	Park: func(c fault.Code) bool {
		switch c {
		case fault.ConsentAwaited, fault.ConsentDeclined, fault.ConsentElsewhere, fault.ConsentExpired, fault.ConsentUnproven,
			fault.ConsentMissing, fault.IdentityNotFound, fault.PermissionMissing:
			return true
		}
		return false
	},
}

// New makes the handler of direct consents; see WithLinks and WithSetting.
func New(a Applications, p Permissions, d Delegations) *Handler {
	return &Handler{apps: a, permissions: p, delegations: d}
}

// WithSetting has the tenant's consent policy set by s, and gives h.
func (h *Handler) WithSetting(s *Setting) *Handler {
	h.setting = s
	return h
}

type task = step.Task[events.GrantConsentArgs]

// Handle gives what is missing and is done when everything can be read back.
func (h *Handler) Handle(ctx context.Context, t task) (step.Result, error) {
	switch {
	case t.Args.Part == events.PartConsentPolicy && h.setting != nil:
		return h.setting.Handle(ctx, t)
	case t.Args.Method == events.ConsentLink && h.links == nil:
		return step.Result{}, fault.Stopf(fault.StepUnsupported, "consent by link is not set up here: set publicAddress, or use the direct method")
	case t.Args.Method == events.ConsentLink:
		return h.byLink(ctx, t)
	}
	s, err := h.look(ctx, t)
	if err != nil {
		return step.Result{}, err
	}
	if intend := s.intent(t); intend != nil {
		return step.Result{Again: true, Learn: intend}, nil
	}
	if !s.there {
		if s, err = h.make(ctx, t); err != nil {
			return step.Result{}, err
		}
	}
	given, err := h.give(ctx, t, s)
	if err != nil {
		return step.Result{}, err
	}
	if given {
		if s, err = h.look(ctx, t); err != nil {
			return step.Result{}, err
		}
	}
	res := step.Result{Learn: s.learn(t)}
	if lacking := s.lacking(); len(lacking) > 0 {
		return res, fault.NotReadyf(fault.ConsentNotVisible, "%s was given permissions that do not show yet: %s", t.Args.App, strings.Join(lacking, ", "))
	}
	res.Detail = fmt.Sprintf("%s may use %s", t.Args.App, strings.Join(s.names(), ", "))
	return res, nil
}

// make makes the service principal, which may take a moment to show.
func (h *Handler) make(ctx context.Context, t task) (scene, error) {
	if err := h.apps.MakeServicePrincipal(ctx, t.Tenant.ID, t.Args.AppID); err != nil {
		return scene{}, fmt.Errorf("make %s known in the tenant: %w", t.Args.App, err)
	}
	s, err := h.look(ctx, t)
	if err == nil && !s.there {
		err = fault.NotReadyf(fault.ConsentNotVisible, "%s is made known in the tenant and does not show yet", t.Args.App)
	}
	return s, err
}

// give gives what is lacking, and reports whether there was anything to give.
func (h *Handler) give(ctx context.Context, t task, s scene) (given bool, err error) {
	scopes := map[string][]string{}
	for _, r := range s.rights {
		switch {
		case r.grantID != "" && !leaving(t, r):
		case r.Delegated:
			scopes[r.api.ObjectID] = append(scopes[r.api.ObjectID], r.Name)
		default:
			given = true
			if err := h.permissions.GivePermission(ctx, t.Tenant.ID, s.app.ObjectID, r.api.ObjectID, r.id); err != nil {
				return given, fmt.Errorf("give %s to %s: %w", r, t.Args.App, err)
			}
		}
	}
	for api, names := range scopes {
		given = true
		if err := h.delegate(ctx, t, s, api, names); err != nil {
			return given, fmt.Errorf("give %s (delegated) to %s: %w", strings.Join(names, ", "), t.Args.App, err)
		}
	}
	return given, nil
}

// delegate adds scopes to the grant for everybody, of which an API has one at most.
func (h *Handler) delegate(ctx context.Context, t task, s scene, api string, names []string) error {
	held, ok := s.delegated[api]
	if !ok {
		return h.delegations.GiveDelegated(ctx, t.Tenant.ID, account.DelegatedGrant{ClientID: s.app.ObjectID, ResourceID: api, Scopes: names})
	}
	all := append([]string{}, held.Scopes...)
	for _, name := range names {
		if !held.Holds(name) {
			all = append(all, name)
		}
	}
	return h.delegations.SetScopes(ctx, t.Tenant.ID, held.ID, all)
}

// leaving tells that the right's removal was asked for (and then taken back): what a
// list shows of it may be old, so it is given once more.
func leaving(t task, r right) bool {
	g := t.Account.Grant(r.Kind(), r.Target(t.Args.AppID))
	return g != nil && g.State == account.GrantLeaving
}
