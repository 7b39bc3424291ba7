package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/fault"
)

// Applications reads and writes app registrations.
type Applications interface {
	Application(ctx context.Context, t account.TenantID, uniqueName string) (entra.Application, bool, error)
	PutApplication(ctx context.Context, t account.TenantID, uniqueName string, set entra.AppSettings) error
	ServicePrincipal(ctx context.Context, t account.TenantID, appID string) (entra.ServicePrincipal, bool, error)
	PutServicePrincipal(ctx context.Context, t account.TenantID, appID string) error
}

// Credentials reads and writes federated credentials.
type Credentials interface {
	FederatedCredentials(ctx context.Context, t account.TenantID, application string) ([]entra.FederatedCredential, error)
	PutFederatedCredential(ctx context.Context, t account.TenantID, application string, f entra.FederatedCredential) error
	RemoveFederatedCredential(ctx context.Context, t account.TenantID, application, id string) error
}

// Grants reads and writes application permissions.
type Grants interface {
	Grants(ctx context.Context, t account.TenantID, principal string) ([]entra.Grant, error)
	GivePermission(ctx context.Context, t account.TenantID, principal, resource, permission string) error
	WithdrawPermission(ctx context.Context, t account.TenantID, g entra.Grant) error
}

// Roles reads and writes directory roles.
type Roles interface {
	RoleAssignments(ctx context.Context, t account.TenantID, principal string) ([]account.RoleAssignment, error)
	AssignRole(ctx context.Context, t account.TenantID, principal, role string) (string, error)
	RemoveRoleAssignment(ctx context.Context, t account.TenantID, assignment string) error
}

// Directory is the home tenant's directory; *entra.Client is one.
type Directory interface {
	Applications
	Credentials
	Grants
	Roles
}

// Session works on a home tenant with the operator's own rights.
type Session struct {
	Directory
	Tenant account.TenantID
	// Sleep waits between two looks at what is not there yet. Required.
	Sleep func(context.Context, time.Duration) error
}

// Outcome is one application after its plan was made, or carried out.
type Outcome struct {
	*Plan
	// AppID is the client id, ObjectID the service principal; empty while there is none.
	AppID, ObjectID string
	// Written is how many writes were made.
	Written int
}

// Denied says that the operator lacks a right.
type Denied struct {
	// Doing is what was refused. Role is what a person needs for it, Permission an application.
	Doing, Role, Permission string
	Err                     error
}

// Error names what was refused and what is lacking.
func (d *Denied) Error() string {
	return fmt.Sprintf("you may not %s: a person needs the directory role %s (or Global Administrator), an application the permission %s: %v", d.Doing, d.Role, d.Permission, d.Err)
}

// Unwrap gives the refusal.
func (d *Denied) Unwrap() error { return d.Err }

func (n need) explain(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case fault.Is(err, fault.PermissionMissing):
		return &Denied{doing, n.Role, n.Permission, err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Examine makes the plan of one application. It changes nothing.
func (s Session) Examine(ctx context.Context, want App) (Outcome, error) {
	o, _, err := s.examine(ctx, want)
	return o, err
}

func (s Session) examine(ctx context.Context, want App) (o Outcome, on *target, err error) {
	found, err := s.look(ctx, want)
	if err != nil {
		return o, nil, toRead.explain("read what is there of "+want.UniqueName, err)
	}
	if o.Plan, err = Compare(want, found); err != nil {
		return o, nil, err
	}
	on = &target{Session: s, uniqueName: want.UniqueName}
	if found.Application != nil {
		on.application = *found.Application
	}
	if found.Principal != nil {
		on.principal = *found.Principal
	}
	return on.tell(o), on, nil
}

// Apply carries out the plan of one application, and returns when the tenant shows
// that nothing is left to do. The outcome is that of the plan that was carried out.
//
// It may be broken off and begun again at any time: nothing is made twice.
func (s Session) Apply(ctx context.Context, want App) (Outcome, error) {
	o, on, err := s.examine(ctx, want)
	if err != nil {
		return o, err
	}
	for _, w := range o.writes {
		if err := w.needs.explain(w.doing, on.carryOut(ctx, w)); err != nil {
			return on.tell(o), err
		}
		o.Written++
	}
	return on.tell(o), s.confirm(ctx, o)
}

// confirm reads back until nothing is left to do.
func (s Session) confirm(ctx context.Context, done Outcome) error {
	if done.Written == 0 {
		return nil
	}
	return s.insist(ctx, func() error {
		now, err := s.Examine(ctx, done.App)
		if err != nil {
			return err
		}
		if now.Writes() > 0 {
			return fault.NotReadyf(fault.RoleNotVisible, "everything was written, and the tenant does not show all of %s yet (%s): run it again in some minutes", done.App.UniqueName, now.writes[0].doing)
		}
		return nil
	})
}

// look reads everything there is of one application.
func (s Session) look(ctx context.Context, want App) (Found, error) {
	found := Found{Resources: map[string]entra.ServicePrincipal{}}
	for _, api := range []Resource{Graph, Exchange} {
		p, _, err := s.ServicePrincipal(ctx, s.Tenant, api.AppID)
		if err != nil {
			return found, err
		}
		found.Resources[api.AppID] = p
	}
	a, ok, err := s.Application(ctx, s.Tenant, want.UniqueName)
	if err != nil || !ok {
		return found, err
	}
	found.Application = &a
	if found.Federated, err = s.FederatedCredentials(ctx, s.Tenant, a.ObjectID); err != nil {
		return found, err
	}
	return found, s.lookAtPrincipal(ctx, a.AppID, &found)
}

func (s Session) lookAtPrincipal(ctx context.Context, appID string, found *Found) error {
	p, ok, err := s.ServicePrincipal(ctx, s.Tenant, appID)
	if err != nil || !ok {
		return err
	}
	found.Principal = &p
	if found.Grants, err = s.Grants(ctx, s.Tenant, p.ObjectID); err != nil {
		return err
	}
	found.Roles, err = s.RoleAssignments(ctx, s.Tenant, p.ObjectID)
	return err
}

// target is what the writes of one application work on. What was made last is in it.
type target struct {
	Session
	uniqueName  string
	application entra.Application
	principal   entra.ServicePrincipal
}

// tell puts the ids that are known into an outcome.
func (on *target) tell(o Outcome) Outcome {
	o.AppID, o.ObjectID = on.application.AppID, on.principal.ObjectID
	return o
}

// carryOut makes one write, and waits until what it made can be read where the next
// ones need it.
func (on *target) carryOut(ctx context.Context, w write) error {
	err := on.insist(ctx, func() error { return w.do(ctx, on) })
	if err != nil || w.see == nil {
		return err
	}
	return on.insist(ctx, func() error { return w.see(ctx, on) })
}

// errUnseen is for what was made and is not readable yet.
func errUnseen(what string) error {
	return fault.NotReadyf(fault.IdentityNotFound, "the tenant does not show the %s yet", what)
}

func seeApplication(ctx context.Context, on *target) error {
	a, ok, err := on.Application(ctx, on.Tenant, on.uniqueName)
	if err == nil && !ok {
		err = errUnseen("application")
	}
	on.application = a
	return err
}

func seePrincipal(ctx context.Context, on *target) error {
	p, ok, err := on.ServicePrincipal(ctx, on.Tenant, on.application.AppID)
	if err == nil && !ok {
		err = errUnseen("service principal")
	}
	on.principal = p
	return err
}

const (
	// patience is how long is waited for what is not there yet: new applications take
	// seconds, now and then minutes.
	patience = 3 * time.Minute
	// failures is how often something that fails in passing is tried.
	failures   = 3
	firstPause = time.Second
	lastPause  = 15 * time.Second
)

// insist tries until it is done, or fails for good. Everything tried here may be
// repeated.
func (s Session) insist(ctx context.Context, try func() error) error {
	failed, pause, waited := 0, firstPause, time.Duration(0)
	for {
		err := try()
		if err == nil || fault.ClassOf(err) == fault.Permanent {
			return err
		}
		if fault.ClassOf(err) == fault.Transient {
			failed++
		}
		next := max(pause, fault.RetryAfter(err))
		if waited += next; waited > patience || failed == failures {
			return err
		}
		if slept := s.Sleep(ctx, next); slept != nil {
			return errors.Join(err, slept)
		}
		pause = min(2*pause, lastPause)
	}
}
