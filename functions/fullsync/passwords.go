package fullsync

import (
	"context"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// Rotator sets a new password; a nil how hands it over as the account's first.
type Rotator interface {
	Rotate(ctx context.Context, a account.Account, by, reason string, how *events.Delivery) (account.Request, error)
}

// Discarder throws sealed passwords away.
type Discarder interface {
	Discard(ctx context.Context, ref string) error
}

// Links knows which password a one-time link has shown, by its reference in the vault;
// empty when it has shown none.
type Links interface {
	Shown(ctx context.Context, key string) (ref string, err error)
}

// Passwords are what the sync needs to look after passwords. Every field is required.
type Passwords struct {
	Desk  Rotator
	Vault Discarder
	Links Links
}

// restorable is how long after its end an account may come back and needs its password:
// the 30 days of Entra and one more.
const restorable = 31 * 24 * time.Hour

// passwords sets those anew that are due, that somebody may have seen, or that nobody took
// from their link, and throws away those of accounts that cannot come back. A rotation that
// failed is told of and not begun again each night.
func (h *Handler) passwords(ctx context.Context, t step.Task[events.FullSyncArgs], accounts []account.Account) error {
	if h.Passwords == nil {
		return nil
	}
	for _, a := range accounts {
		var err error
		switch p := a.Password; {
		case a.State == account.AccountGone:
			err = h.forget(ctx, t, a)
		case !p.ExposedAt.IsZero() && a.State != account.AccountLeaving:
			_, err = h.rotate(ctx, t, a, "somebody may have seen the password", toVault())
		case a.State != account.AccountActive:
		case !p.LinkUntil.IsZero() && !t.Now.Before(p.LinkUntil):
			err = h.closeLink(ctx, t, a)
		case p.Due(t.Now):
			_, err = h.rotate(ctx, t, a, fmt.Sprintf("the password is older than %d days", p.RotateDays), nil)
		}
		if err != nil {
			return fmt.Errorf("look after the password of %s: %w", a.UserPrincipalName, err)
		}
	}
	return nil
}

// forget throws away what the vault holds of an account that is gone for good.
func (h *Handler) forget(ctx context.Context, t step.Task[events.FullSyncArgs], a account.Account) error {
	if a.SecretRef+a.Password.NextRef == "" || t.Now.Before(a.RevokedAt.Add(restorable)) {
		return nil
	}
	for _, ref := range []string{a.SecretRef, a.Password.NextRef} {
		if ref == "" {
			continue
		}
		if err := h.Passwords.Vault.Discard(ctx, ref); err != nil {
			return err
		}
	}
	return h.note(ctx, t, a, "password.discarded", "the account cannot come back", func(now *account.Account) {
		now.SecretRef, now.Password.NextRef = "", ""
	})
}

// closeLink ends a hand-over whose link has expired. A password that nobody took is set
// anew, and stays in the vault until somebody asks for it.
func (h *Handler) closeLink(ctx context.Context, t step.Task[events.FullSyncArgs], a account.Account) error {
	closed := func(now *account.Account) {
		if now.Password.Handovers == a.Password.Handovers {
			now.Password.LinkUntil = time.Time{}
		}
	}
	shown, err := h.Passwords.Links.Shown(ctx, a.HandoverKey(a.Password.Handovers))
	if err != nil {
		return err
	}
	if shown == "" {
		const text = "nobody opened the one-time link in time: the password is set anew, and 'usher rotate' hands a new one over"
		if begun, err := h.rotate(ctx, t, a, "its link expired", toVault()); err != nil || !begun {
			return err
		}
		return h.warn(ctx, t, a, "link.expired", text, closed)
	}
	if !a.Delivery.Keep { // who showed it may have died before the copy was thrown away
		if err := h.Passwords.Vault.Discard(ctx, shown); err != nil {
			return err
		}
	}
	return h.note(ctx, t, a, "password.discarded", "it was handed over", func(now *account.Account) {
		closed(now)
		if !now.Delivery.Keep && now.SecretRef == shown {
			now.SecretRef = ""
		}
	})
}

func toVault() *events.Delivery { return &events.Delivery{Method: string(account.DeliverToVault)} }

// rotate reports whether it began a rotation. An account that is being worked on has
// another night; one whose password is not ours to set is told of.
func (h *Handler) rotate(ctx context.Context, t step.Task[events.FullSyncArgs], a account.Account, why string, how *events.Delivery) (begun bool, err error) {
	switch failed, err := h.failedBefore(ctx, a); {
	case err != nil:
		return false, err
	case failed != "":
		return false, h.warn(ctx, t, a, "rotation.failed", fmt.Sprintf(
			"the password is due to be set anew, and request %s failed to: put right what it names, then run 'usher rotate %s'", failed, a.UserPrincipalName), nil)
	}
	_, err = h.Passwords.Desk.Rotate(ctx, a, events.FullSync, why, how)
	switch {
	case fault.Is(err, fault.AccountBusy):
		return false, nil
	case fault.Is(err, fault.RequestInvalid), fault.Is(err, fault.StepUnsupported), fault.Is(err, fault.AccountProtected):
		return false, h.warn(ctx, t, a, "rotation.refused", "the password is due to be set anew, and that is refused: "+err.Error(), nil)
	}
	return err == nil, err
}

// failedBefore gives the account's last rotation where it failed: another one would take
// the roles for minutes once more. What has come out about the password since lets it be tried again.
func (h *Handler) failedBefore(ctx context.Context, a account.Account) (id string, err error) {
	last, err := h.books.Requests(ctx, ledger.Filter{Tenant: a.Tenant, AccountID: a.ID, Actions: []account.Action{account.Rotate}, Limit: 1})
	if err != nil || len(last) == 0 {
		return "", err
	}
	r, p := last[0], a.Password
	if account.StateOf(r) != account.Failed || r.CreatedAt.Before(p.SetAt) || r.CreatedAt.Before(p.ExposedAt) {
		return "", nil
	}
	return r.ID, nil
}

func (h *Handler) note(ctx context.Context, t step.Task[events.FullSyncArgs], a account.Account, kind, text string, change func(*account.Account)) error {
	return h.books.Update(ctx, a.RequestID, func(rec *ledger.Record) error {
		if rec.Account.ID != a.ID {
			return nil
		}
		change(&rec.Account)
		rec.Audit = append(rec.Audit, entry(t, kind, a.ID, a.UserPrincipalName+": "+text))
		return nil
	})
}

// warn raises a notice, which the owner is mailed, else the operators.
func (h *Handler) warn(ctx context.Context, t step.Task[events.FullSyncArgs], a account.Account, kind, text string, change func(*account.Account)) error {
	mail := h.Operators
	if a.Owner.Email != "" {
		mail = []string{a.Owner.Email}
	}
	return h.books.Update(ctx, a.RequestID, func(rec *ledger.Record) error {
		if rec.Account.ID != a.ID {
			return nil
		}
		if change != nil {
			change(&rec.Account)
		}
		rec.Raise = append(rec.Raise, ledger.Notice{
			Key: ledger.NoticeKey(kind, a.Tenant, a.HandoverKey(a.Password.Handovers)), Tenant: a.Tenant, AccountID: a.ID, RequestID: a.RequestID,
			Kind: kind, Text: a.UserPrincipalName + ": " + text, Mail: mail, By: events.FullSync, RaisedAt: t.Now,
		})
		return nil
	})
}
