package create

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// OnPremises is what this function needs of the tenants' on-premises Active Directory.
type OnPremises interface {
	// OnPremisesUserOf finds the account that bears a stamp; fault.UserNotFound when there is none.
	OnPremisesUserOf(ctx context.Context, t account.TenantID, stamp string) (account.OnPremisesUser, error)
	// CreateOnPremises makes an account, or goes on where an earlier call with the same
	// stamp was cut short. An account that Usher has disabled must not be given to it.
	CreateOnPremises(ctx context.Context, t account.TenantID, n account.NewOnPremisesUser) (account.OnPremisesUser, error)
}

// synced makes the account in Active Directory. Its GUID is on record before anybody
// waits for Entra, and with it the account is never given to CreateOnPremises again.
func (h *Handler) synced(ctx context.Context, t step.Task[events.CreateArgs]) (step.Result, error) {
	if id := t.Account.OnPremises.GUID; id != "" {
		return step.Result{Detail: madeOnPremises(t, id)}, nil
	}
	if err := h.nameFree(ctx, t); err != nil {
		return step.Result{}, err
	}
	ref, password, err := h.seal(ctx, t)
	if err != nil {
		return step.Result{}, err
	}
	user, err := h.onPremises.CreateOnPremises(ctx, t.Tenant.ID, newOnPremisesUser(t, password))
	switch {
	case fault.Is(err, fault.ADPasswordRejected):
		return step.Result{}, h.replace(ctx, t, err)
	case err != nil:
		return step.Result{}, fmt.Errorf("make %s: %w", t.Args.UserPrincipalName(), err)
	case !user.Enabled:
		return step.Result{}, fault.Retry(fault.ADConnectionLost, 0, fmt.Errorf("%s was made and shows as disabled", t.Args.UserPrincipalName()))
	}
	return step.Result{Detail: madeOnPremises(t, user.GUID), Learn: func(a *account.Account) {
		a.SecretRef, a.OnPremises.GUID, a.OnPremises.ImmutableID = ref, user.GUID, user.ImmutableID
	}}, nil
}

func madeOnPremises(t step.Task[events.CreateArgs], id string) string {
	return fmt.Sprintf("Made %s in Active Directory, object %s", t.Args.UserPrincipalName(), id)
}

// nameFree refuses a name that an account in Entra has: Entra Connect would take that
// account for ours, or bring ours under another name. What an earlier attempt of ours made
// in Active Directory may have been brought already.
func (h *Handler) nameFree(ctx context.Context, t step.Task[events.CreateArgs]) error {
	_, err := h.onPremises.OnPremisesUserOf(ctx, t.Tenant.ID, account.StampOf(t.Account.RequestID))
	if !fault.Is(err, fault.UserNotFound) {
		return err
	}
	name := t.Args.UserPrincipalName()
	switch found, err := h.directory.User(ctx, t.Tenant.ID, name); {
	case err == nil:
		return fault.Stopf(fault.NameTaken, "%s exists in Entra (object %s), so nothing was made in Active Directory", found.UserPrincipalName, found.ObjectID)
	case !fault.Is(err, fault.UserNotFound):
		return fmt.Errorf("look for %s: %w", name, err)
	}
	return nil
}

// awaitSync is done when Entra shows the account of Active Directory, known by its
// immutable id. A name proves nothing: Entra may have had another account of that name.
func (h *Handler) awaitSync(ctx context.Context, t step.Task[events.CreateArgs]) (step.Result, error) {
	name, id := t.Args.UserPrincipalName(), t.Account.OnPremises.ImmutableID
	if id == "" {
		return step.Result{}, fault.Stopf(fault.MalformedCommand, "%s was not made in Active Directory, so there is nothing to wait for", name)
	}
	user, err := h.directory.UserByImmutableID(ctx, t.Tenant.ID, id)
	if fault.Is(err, fault.UserNotFound) {
		user, err = h.sameName(ctx, t)
	}
	switch {
	case err != nil:
		return step.Result{}, err
	case !strings.EqualFold(user.UserPrincipalName, name):
		return step.Result{}, fault.Stopf(fault.EntraConnectConflict, "Entra Connect brought %s as %s (object %s)", name, user.UserPrincipalName, user.ObjectID)
	case !user.Synced || !user.Enabled:
		return step.Result{}, fault.NotReadyf(fault.EntraConnectNotSynced, "%s is in Entra (object %s) and does not show as synced and enabled yet", name, user.ObjectID)
	}
	return step.Result{
		Detail: fmt.Sprintf("Entra Connect brought %s, object %s", user.UserPrincipalName, user.ObjectID),
		Learn:  func(a *account.Account) { a.ObjectID = user.ObjectID },
	}, nil
}

// sameName looks who has the name while nobody shows with the immutable id: the index
// that is searched for it may lag behind.
func (h *Handler) sameName(ctx context.Context, t step.Task[events.CreateArgs]) (account.User, error) {
	name, o := t.Args.UserPrincipalName(), t.Account.OnPremises
	user, err := h.directory.User(ctx, t.Tenant.ID, name)
	switch {
	case fault.Is(err, fault.UserNotFound):
		return user, fault.NotReadyf(fault.EntraConnectNotSynced, "%s is in Active Directory (object %s), and Entra Connect has not brought it to Entra yet", name, o.GUID)
	case err != nil:
		return user, fmt.Errorf("look for %s: %w", name, err)
	case user.ImmutableID != o.ImmutableID:
		return user, fault.Stopf(fault.EntraConnectConflict, "%s belongs to another account in Entra (object %s, immutable id %q)", name, user.ObjectID, user.ImmutableID)
	}
	return user, nil
}

func newOnPremisesUser(t step.Task[events.CreateArgs], password account.Secret) account.NewOnPremisesUser {
	a := t.Args
	return account.NewOnPremisesUser{
		OU: a.OnPremises.OU, UserPrincipalName: a.UserPrincipalName(), DisplayName: a.DisplayName, GivenName: a.GivenName, Surname: a.Surname,
		Attributes: a.OnPremises.Attributes, Password: password, PasswordNeverExpires: a.PasswordNeverExpires,
		Stamp: account.StampOf(t.Account.RequestID),
	}
}
