package revoke

import (
	"context"
	"fmt"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

func (h *Handler) disable(ctx context.Context, t task) (step.Result, error) {
	return h.setEnabled(ctx, t, false, "Sign-in blocked")
}

func (h *Handler) enable(ctx context.Context, t task) (step.Result, error) {
	return h.setEnabled(ctx, t, true, "Sign-in allowed again")
}

// setEnabled writes also what shows already: what shows may be from before a change that is
// being taken back.
func (h *Handler) setEnabled(ctx context.Context, t task, enabled bool, detail string) (step.Result, error) {
	_, where, err := h.see(ctx, t)
	if err != nil {
		return step.Result{}, err
	}
	if where != present {
		return step.Result{Detail: "The account is deleted already"}, nil
	}
	err = h.Users.SetEnabled(ctx, t.Tenant.ID, t.Account.ObjectID, enabled)
	switch {
	case fault.Is(err, fault.UserNotFound):
		return step.Result{}, fault.NotReady(fault.UserNotReadable, err)
	case err != nil:
		return step.Result{}, h.privileged(ctx, t, err)
	}
	var user account.User
	if user, where, err = h.see(ctx, t); err != nil {
		return step.Result{}, err
	}
	if where == present && user.Enabled != enabled {
		return step.Result{}, fault.NotReadyf(fault.UserNotReadable, "%s does not show the change yet", t.Account.UserPrincipalName)
	}
	return step.Result{Detail: detail}, nil
}

// letsGo is how long Entra may take to forget that an account was privileged.
const letsGo = 10 * time.Minute

// privileged explains a refusal. While the account holds an administrator role,
// Entra refuses to disable or delete it; a role of ours that still shows (a reply
// was lost) is taken away once more.
func (h *Handler) privileged(ctx context.Context, t task, refused error) error {
	if !fault.Is(refused, fault.PermissionMissing) {
		return fmt.Errorf("change %s: %w", t.Account.UserPrincipalName, refused)
	}
	for _, g := range t.Account.Grants {
		if g.Kind != account.DirectoryRole || !g.Ours {
			continue
		}
		held, err := h.holds(ctx, t, g.Target)
		if err != nil {
			return err
		}
		if err := h.guardAdmins(ctx, t, g.Target); err != nil {
			return err
		}
		if err := h.removeRole(ctx, t, g.Target, held); err != nil {
			return err
		}
	}
	if t.Waited() > letsGo {
		return refused
	}
	return fault.NotReady(fault.UserStillPrivileged, refused)
}

func (h *Handler) sessions(ctx context.Context, t task) (step.Result, error) {
	_, where, err := h.see(ctx, t)
	if err != nil {
		return step.Result{}, err
	}
	if where != present {
		return step.Result{Detail: "The account is deleted already"}, nil
	}
	if err := h.Users.RevokeSessions(ctx, t.Tenant.ID, t.Account.ObjectID); err != nil {
		return step.Result{}, fmt.Errorf("revoke the sessions of %s: %w", t.Account.UserPrincipalName, err)
	}
	return step.Result{Detail: "Sessions revoked"}, nil
}

// delete is done when the account shows among the deleted: absence alone is no proof.
func (h *Handler) delete(ctx context.Context, t task) (step.Result, error) {
	_, where, err := h.see(ctx, t)
	switch {
	case err != nil:
		return step.Result{}, err
	case where == softDeleted:
		return step.Result{Detail: "Deleted; it can be restored for 30 days"}, nil
	case where == gone:
		return step.Result{Detail: "Gone already"}, nil
	}
	if err := h.Users.DeleteUser(ctx, t.Tenant.ID, t.Account.ObjectID); err != nil {
		return step.Result{}, h.privileged(ctx, t, err)
	}
	if _, where, err = h.see(ctx, t); err != nil {
		return step.Result{}, err
	}
	if where == present {
		return step.Result{}, fault.NotReadyf(fault.UserStillListed, "%s is deleted and still shows", t.Account.UserPrincipalName)
	}
	return step.Result{Detail: "Deleted; it can be restored for 30 days"}, nil
}

func (h *Handler) purge(ctx context.Context, t task) (step.Result, error) {
	if err := h.Deleted.PurgeUser(ctx, t.Tenant.ID, t.Account.ObjectID); err != nil && !fault.Is(err, fault.UserNotFound) {
		return step.Result{}, fmt.Errorf("delete %s for good: %w", t.Account.UserPrincipalName, err)
	}
	_, err := h.Deleted.DeletedUser(ctx, t.Tenant.ID, t.Account.ObjectID)
	switch {
	case fault.Is(err, fault.UserNotFound):
		return step.Result{Detail: "Deleted for good"}, nil
	case err != nil:
		return step.Result{}, fmt.Errorf("look for %s among the deleted: %w", t.Account.UserPrincipalName, err)
	}
	return step.Result{}, fault.NotReadyf(fault.UserStillListed, "%s still shows among the deleted", t.Account.UserPrincipalName)
}

// agreed is how long an account must show, and not be among the deleted, until it is
// believed that there is nothing to restore: a deletion takes a moment to show.
const agreed = time.Minute

// restore gives the account back, with its old object id and password. It asks also for one
// that shows: what shows may be from before the deletion that is being taken back.
func (h *Handler) restore(ctx context.Context, t task) (step.Result, error) {
	const detail = "Restored with its old object id and password"
	_, where, err := h.see(ctx, t)
	switch {
	case err != nil:
		return step.Result{}, err
	case where == gone:
		return step.Result{}, fault.Stopf(fault.RestoreWindowOver, "%s is not among the deleted accounts any more", t.Account.UserPrincipalName)
	}
	tried := step.Result{Learn: func(a *account.Account) { a.TriedAt = t.Now }}
	err = h.Deleted.RestoreUser(ctx, t.Tenant.ID, t.Account.ObjectID)
	switch {
	case fault.Is(err, fault.UserNotFound) && where == present && t.Waited() >= agreed:
		tried.Detail = detail
		return tried, nil
	case fault.Is(err, fault.UserNotFound):
		// One replica shows what another does not: an earlier attempt restored it, or the
		// deletion is on its way.
		return tried, fault.NotReady(fault.UserNotReadable, err)
	case err != nil:
		return tried, fmt.Errorf("restore %s: %w", t.Account.UserPrincipalName, err)
	}
	if _, where, err = h.see(ctx, t); err != nil {
		return tried, err
	}
	if where != present {
		return tried, fault.NotReadyf(fault.UserNotReadable, "%s is restored and does not show yet", t.Account.UserPrincipalName)
	}
	tried.Detail = detail
	return tried, nil
}
