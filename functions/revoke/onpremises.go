package revoke

import (
	"context"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// OnPremises is what this function needs of the tenants' on-premises Active Directory.
type OnPremises interface {
	// OnPremisesUser finds an account by its GUID; fault.UserNotFound when there is none.
	OnPremisesUser(ctx context.Context, t account.TenantID, guid string) (account.OnPremisesUser, error)
	// OnPremisesUserOf finds the account that bears a stamp, likewise.
	OnPremisesUserOf(ctx context.Context, t account.TenantID, stamp string) (account.OnPremisesUser, error)
	// SetOnPremisesEnabled and DeleteOnPremises change an account that bears the stamp, and no other.
	SetOnPremisesEnabled(ctx context.Context, t account.TenantID, guid, stamp string, enabled bool) error
	DeleteOnPremises(ctx context.Context, t account.TenantID, guid, stamp string) error
}

// twoCycles is how long Entra Connect may take to bring an account that it read just
// before it was deleted.
const twoCycles = 65 * time.Minute

// synced takes away, or gives back, a part of an account that is mastered in Active
// Directory. Rights and sessions are Entra's; the account itself is changed where it is
// mastered, and the part is done when Entra shows that.
func (h *Handler) synced(ctx context.Context, t task) (step.Result, error) {
	if t.Account.OnPremises.GUID == "" {
		return h.locateOnPremises(ctx, t)
	}
	switch t.Args.Part {
	case events.RevokeEnabled:
		return h.enableOnPremises(ctx, t, false, "Disabled in Active Directory, and Entra shows it")
	case events.RestoreEnabled:
		return h.enableOnPremises(ctx, t, true, "Enabled in Active Directory, and Entra shows it")
	case events.RevokeAccount:
		return h.deleteOnPremises(ctx, t)
	case events.RestoreAccount:
		return h.restoreOnPremises(ctx, t)
	}
	if t.Account.ObjectID == "" {
		return h.neverInEntra(ctx, t, "Nothing there: the account never came to Entra")
	}
	return h.part(ctx, t)
}

func stampOf(t task) string { return account.StampOf(t.Account.RequestID) }

// locateOnPremises looks for an account whose making was never confirmed.
func (h *Handler) locateOnPremises(ctx context.Context, t task) (step.Result, error) {
	user, err := h.OnPremises.OnPremisesUserOf(ctx, t.Tenant.ID, stampOf(t))
	switch {
	case fault.Is(err, fault.UserNotFound) && t.Now.Sub(t.Account.TriedAt) < lateness:
		return step.Result{}, fault.NotReadyf(fault.UserNotReadable, "%s may still turn up in Active Directory: its making was tried moments ago", t.Account.UserPrincipalName)
	case fault.Is(err, fault.UserNotFound):
		return step.Result{Detail: "Nothing there: the account was never made in Active Directory"}, nil
	case err != nil:
		return step.Result{}, fmt.Errorf("look for %s: %w", t.Account.UserPrincipalName, err)
	}
	return step.Result{Again: true, Learn: func(a *account.Account) {
		a.OnPremises.GUID, a.OnPremises.ImmutableID = user.GUID, user.ImmutableID
	}}, nil
}

// neverInEntra is for an account that nobody has seen in Entra: it is looked for once
// more, for Entra Connect may have brought it since.
func (h *Handler) neverInEntra(ctx context.Context, t task, detail string) (step.Result, error) {
	user, err := h.Users.UserByImmutableID(ctx, t.Tenant.ID, t.Account.OnPremises.ImmutableID)
	switch {
	case fault.Is(err, fault.UserNotFound):
		return step.Result{Detail: detail}, nil
	case err != nil:
		return step.Result{}, fmt.Errorf("look for %s in Entra: %w", t.Account.UserPrincipalName, err)
	}
	return step.Result{Again: true, Learn: func(a *account.Account) { a.ObjectID = user.ObjectID }}, nil
}

func (h *Handler) enableOnPremises(ctx context.Context, t task, enabled bool, detail string) (step.Result, error) {
	o := t.Account.OnPremises
	err := h.OnPremises.SetOnPremisesEnabled(ctx, t.Tenant.ID, o.GUID, stampOf(t), enabled)
	switch {
	case fault.Is(err, fault.UserNotFound) && !enabled:
		return step.Result{Detail: "The account is deleted in Active Directory already"}, nil
	case err != nil:
		return step.Result{}, fmt.Errorf("change %s: %w", t.Account.UserPrincipalName, err)
	}
	user, err := h.OnPremises.OnPremisesUser(ctx, t.Tenant.ID, o.GUID)
	switch {
	case err != nil:
		return step.Result{}, fmt.Errorf("read back %s: %w", t.Account.UserPrincipalName, err)
	case user.Enabled != enabled:
		return step.Result{}, fault.Retry(fault.ADConnectionLost, 0, fmt.Errorf("%s does not show the change in Active Directory", t.Account.UserPrincipalName))
	case t.Account.ObjectID == "":
		return h.neverInEntra(ctx, t, "Changed in Active Directory; the account never came to Entra")
	}
	seen, where, err := h.see(ctx, t)
	switch {
	case err != nil:
		return step.Result{}, err
	case where == present && seen.Enabled != enabled:
		return step.Result{}, fault.NotReadyf(fault.EntraConnectNotSynced, "%s is changed in Active Directory and not in Entra yet", t.Account.UserPrincipalName)
	case where != present && enabled:
		return step.Result{}, fault.NotReadyf(fault.EntraConnectNotSynced, "%s is enabled in Active Directory and deleted in Entra", t.Account.UserPrincipalName)
	}
	return step.Result{Detail: detail}, nil
}

// deleteOnPremises is done when Entra has lost the account too. One that never showed
// there may still come, brought by a cycle that began before, and is then waited for.
func (h *Handler) deleteOnPremises(ctx context.Context, t task) (step.Result, error) {
	const detail = "Deleted in Active Directory, and from there in Entra"
	o, name := t.Account.OnPremises, t.Account.UserPrincipalName
	if err := h.OnPremises.DeleteOnPremises(ctx, t.Tenant.ID, o.GUID, stampOf(t)); err != nil {
		return step.Result{}, fmt.Errorf("delete %s: %w", name, err)
	}
	switch _, err := h.OnPremises.OnPremisesUser(ctx, t.Tenant.ID, o.GUID); {
	case err == nil:
		return step.Result{}, fault.NotReadyf(fault.UserStillListed, "%s is deleted in Active Directory and still shows", name)
	case !fault.Is(err, fault.UserNotFound):
		return step.Result{}, fmt.Errorf("read back that %s is gone: %w", name, err)
	}
	if t.Account.ObjectID == "" {
		res, err := h.neverInEntra(ctx, t, detail)
		if err == nil && !res.Again && t.Now.Sub(t.Account.TriedAt) < twoCycles {
			return step.Result{}, fault.NotReadyf(fault.EntraConnectNotSynced, "%s is deleted in Active Directory; a cycle of Entra Connect that began before may still bring it", name)
		}
		return res, err
	}
	switch _, where, err := h.see(ctx, t); {
	case err != nil:
		return step.Result{}, err
	case where == present:
		return step.Result{}, fault.NotReadyf(fault.EntraConnectNotSynced, "%s is deleted in Active Directory and still in Entra", name)
	}
	return step.Result{Detail: detail}, nil
}

// restoreOnPremises finds an account that was not deleted after all; there is no way back
// for one that was.
func (h *Handler) restoreOnPremises(ctx context.Context, t task) (step.Result, error) {
	_, err := h.OnPremises.OnPremisesUser(ctx, t.Tenant.ID, t.Account.OnPremises.GUID)
	switch {
	case fault.Is(err, fault.UserNotFound):
		return step.Result{}, fault.Stopf(fault.UserSynced, "%s was deleted in Active Directory, and Usher cannot give it back", t.Account.UserPrincipalName)
	case err != nil:
		return step.Result{}, fmt.Errorf("look for %s: %w", t.Account.UserPrincipalName, err)
	}
	return step.Result{Detail: "It is still in Active Directory"}, nil
}
