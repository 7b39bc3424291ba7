package handover

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// resetting is how far a new password has come.
type resetting struct {
	// Began says that a password lies sealed, and that Before was read.
	Began bool `json:"began,omitempty"`
	// Before is when the password had last been changed until then.
	Before time.Time `json:"before,omitzero"`
	// Set says that the directory took it: only the reading back is left.
	Set bool `json:"set,omitempty"`
}

// reset sets a new password for a rotation.
func (h *Handler) reset(ctx context.Context, t task) (step.Result, error) {
	if t.Account.Password.SetBy == t.Request.ID {
		return step.Result{Detail: "A new password is set already"}, nil
	}
	var r resetting
	if err := checkpoint(t, &r); err != nil {
		return step.Result{}, err
	}
	if !r.Began {
		if err := h.stop(ctx, t.Account); err != nil {
			return step.Result{}, err
		}
	}
	res, err := h.renew(ctx, t, t.Request.ID, &r)
	if err != nil || res.Again {
		res.Checkpoint = write(r)
	}
	if !fault.Is(err, fault.UserStillPrivileged) {
		return res, err
	}
	switch {
	case t.Args.Early:
		return step.Result{Detail: "Not while the account holds its roles: they are taken for a moment"}, nil
	case t.Waited() > letsGo:
		return res, fault.Stop(fault.PermissionMissing, err)
	}
	return res, err
}

// letsGo is how long Entra may take to forget that an account was privileged.
const letsGo = 10 * time.Minute

// renew seals a new password, sets it, and is done when it can be read back that it was
// changed. It may be cut short anywhere: a password that is sealed under the name is used
// again, and setting the same one twice is no harm. The old one is thrown away.
func (h *Handler) renew(ctx context.Context, t task, name string, r *resetting) (step.Result, error) {
	if t.Account.ObjectID == "" {
		return step.Result{}, fault.Stopf(fault.UserNotFound, "the account %s was never made", t.Account.UserPrincipalName)
	}
	user, err := h.Directory.User(ctx, t.Tenant.ID, t.Account.ObjectID)
	if err != nil {
		return step.Result{}, fmt.Errorf("read %s: %w", t.Account.UserPrincipalName, err)
	}
	key := string(t.Tenant.ID) + "/" + t.Account.ID + "." + name
	ref, password, err := h.Vault.SealOnce(ctx, key, func() (account.Secret, error) { return h.Passwords(avoid(user)...) })
	if err != nil {
		return step.Result{}, fmt.Errorf("seal a new password of %s: %w", user.UserPrincipalName, err)
	}
	if !r.Began {
		// When it was last set is on record before it is set.
		if r.Before, err = h.changedAt(ctx, t.Account); err != nil {
			return step.Result{}, err
		}
		r.Began = true
		return step.Result{Again: true, Learn: func(a *account.Account) { a.Password.NextRef = ref }}, nil
	}
	if !r.Set {
		if err := h.set(ctx, t, key, user, password); err != nil {
			return step.Result{}, err
		}
		r.Set = true
	}
	return h.readBack(ctx, t, ref, r.Before)
}

// maxPasswords is how many passwords are tried before a person must look at the tenant's rules.
const maxPasswords = 3

func (h *Handler) set(ctx context.Context, t task, key string, user account.User, password account.Secret) error {
	err := h.put(ctx, t.Account, password)
	switch {
	case err == nil:
		return nil
	case fault.Is(err, fault.PermissionMissing) && holdsRoles(t.Account):
		return fault.NotReady(fault.UserStillPrivileged, err)
	case !fault.Is(err, fault.PasswordRejected) && !fault.Is(err, fault.ADPasswordRejected):
		return fmt.Errorf("set the password of %s: %w", user.UserPrincipalName, err)
	case t.Step.Failures+1 >= maxPasswords:
		return fault.Stop(fault.CodeOf(err), err)
	}
	another, made := h.Passwords(avoid(user)...)
	if made != nil {
		return made
	}
	if _, err := h.Vault.Replace(ctx, key, another); err != nil {
		return fmt.Errorf("seal another password: %w", err)
	}
	return fault.Retry(fault.CodeOf(err), 0, err)
}

// put sets a password where the account is mastered.
func (h *Handler) put(ctx context.Context, a account.Account, password account.Secret) error {
	if a.OnPremises.Mastered() {
		return h.OnPremises.SetOnPremisesPassword(ctx, a.Tenant, a.OnPremises.GUID, account.StampOf(a.RequestID), password)
	}
	return h.Directory.SetPassword(ctx, a.Tenant, a.ObjectID, password)
}

// changedAt is when Entra says that the password was last set. Of an account mastered in
// Active Directory it says nothing in time: there, the controller's answer counts.
func (h *Handler) changedAt(ctx context.Context, a account.Account) (time.Time, error) {
	if a.OnPremises.Mastered() {
		return time.Time{}, nil
	}
	at, err := h.Directory.PasswordChangedAt(ctx, a.Tenant, a.ObjectID)
	if err != nil {
		return at, fmt.Errorf("see when the password of %s was last set: %w", a.UserPrincipalName, err)
	}
	return at, nil
}

// holdsRoles reports whether the account was given a directory role, also one that was
// taken for this reset: Entra takes minutes to forget.
func holdsRoles(a account.Account) bool {
	for _, g := range a.Grants {
		if g.Kind == account.DirectoryRole {
			return true
		}
	}
	return false
}

func (h *Handler) readBack(ctx context.Context, t task, ref string, before time.Time) (step.Result, error) {
	changed, err := h.changedAt(ctx, t.Account)
	if err != nil {
		return step.Result{}, err
	}
	if !changed.After(before) && !t.Account.OnPremises.Mastered() {
		return step.Result{}, fault.NotReadyf(fault.PasswordNotShown, "%s does not show the new password's date yet", t.Account.UserPrincipalName)
	}
	if old := t.Account.SecretRef; old != "" && old != ref {
		if err := h.Vault.Discard(ctx, old); err != nil {
			return step.Result{}, fmt.Errorf("discard the old password: %w", err)
		}
	}
	return step.Result{Detail: "New password set", Learn: func(a *account.Account) {
		a.SecretRef = ref
		a.Password.NextRef, a.Password.LinkUntil, a.Password.ExposedAt = "", time.Time{}, time.Time{}
		a.Password.SetAt, a.Password.SetBy = t.Now, t.Request.ID
	}}, nil
}

func avoid(u account.User) []string {
	name, _, _ := strings.Cut(u.UserPrincipalName, "@")
	return append(strings.Fields(u.DisplayName), name)
}
