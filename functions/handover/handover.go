// Package handover brings an account's password to the person who asked for it, and sets
// a new one when that is asked for, or when a hand-over failed: what was handed over
// wrongly is never handed over again.
package handover

import (
	"context"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// Directory is what this function needs of the directory that masters the account.
type Directory interface {
	User(ctx context.Context, t account.TenantID, name string) (account.User, error)
	// PasswordChangedAt is when the account's password was last set.
	PasswordChangedAt(ctx context.Context, t account.TenantID, id string) (time.Time, error)
	// SetPassword sets a password that need not be changed at the next sign-in.
	SetPassword(ctx context.Context, t account.TenantID, id string, password account.Secret) error
}

// OnPremises sets the passwords of accounts that are mastered in Active Directory, by
// GUID and stamp: Entra takes none for them.
type OnPremises interface {
	SetOnPremisesPassword(ctx context.Context, t account.TenantID, guid, stamp string, password account.Secret) error
}

// Vault keeps passwords sealed. SealOnce gives back what is sealed under key already.
type Vault interface {
	SealOnce(ctx context.Context, key string, make func() (account.Secret, error)) (ref string, s account.Secret, err error)
	Replace(ctx context.Context, key string, s account.Secret) (ref string, err error)
	Open(ctx context.Context, ref string) (account.Secret, error)
	Discard(ctx context.Context, ref string) error
}

// Links knows the one-time links, by the key of their hand-over.
type Links interface {
	// Until is when an open link ends. Zero says that it is not open, or not made.
	Until(ctx context.Context, key string) (time.Time, error)
	// Shown gives the vault's reference of the password that a link has shown; empty when
	// it has shown none.
	Shown(ctx context.Context, key string) (ref string, err error)
	// Withdraw stops a link that is open or not made yet.
	Withdraw(ctx context.Context, key, upn string) error
}

// Seal seals a password to public keys.
type Seal func(recipients []string, password account.Secret) (events.StatusSecret, error)

// Passwords makes a password that contains none of the given names.
type Passwords func(avoid ...string) (account.Secret, error)

// Options build a Handler. Every field is required.
type Options struct {
	Directory  Directory
	OnPremises OnPremises
	Vault      Vault
	Links      Links
	Seal       Seal
	Passwords  Passwords
}

// Handler hands passwords over.
type Handler struct{ Options }

// New makes the handler.
func New(o Options) *Handler { return &Handler{o} }

// Policy is how patient the function is: it waits as long as notify tries to reach the
// ticketing system. A hand-over that failed, or whose vault is away, is left to a person
// and costs nobody an account; a password that could not be set does not keep the account
// from getting back what was taken for it.
var Policy = step.Policy{
	Patience: 48 * time.Hour, Wait: slower, Tell: time.Hour, Alarm: 6 * time.Hour,
	Park: func(c fault.Code) bool {
		return c == fault.HandoverFailed || c == fault.HandoverNotTaken || c == fault.SecretUnavailable
	},
	GoOn: func(fault.Code) bool { return true },
}

// slower waits a second at first and ten minutes in the end.
func slower(_ account.TenantID, waited time.Duration, _ int, rnd float64) time.Duration {
	pause := min(max(time.Second, waited/4), 10*time.Minute)
	return pause + time.Duration(rnd*float64(pause)/10)
}

type task = step.Task[events.HandOverArgs]

// Handle does one part.
func (h *Handler) Handle(ctx context.Context, t task) (step.Result, error) {
	switch {
	case t.Account.Origin == account.Adopted:
		return step.Result{}, fault.Stopf(fault.AccountProtected, "%s was adopted: its password is not ours", t.Account.UserPrincipalName)
	case t.Tenant.Protects(t.Account.ObjectID, t.Account.UserPrincipalName):
		return step.Result{}, fault.Stopf(fault.AccountProtected, "%s is a protected account of this tenant", t.Account.UserPrincipalName)
	}
	switch t.Args.Part {
	case events.HandOverDeliver:
		return h.deliver(ctx, t)
	case events.HandOverReset:
		return h.reset(ctx, t)
	case events.HandOverWithdraw:
		return h.withdraw(ctx, t)
	case events.HandOverDiscard:
		return h.discard(ctx, t)
	}
	return step.Result{}, fault.Stopf(fault.MalformedCommand, "handover knows no part %q", t.Args.Part)
}

// withdraw stops the link of the last hand-over, for its password is worth nothing soon.
func (h *Handler) withdraw(ctx context.Context, t task) (step.Result, error) {
	if err := h.stop(ctx, t.Account); err != nil {
		return step.Result{}, err
	}
	shown, err := h.dropShown(ctx, t.Account)
	if err != nil {
		return step.Result{}, err
	}
	return step.Result{Detail: "No link is open", Learn: func(a *account.Account) {
		shown(a)
		a.Password.LinkUntil = time.Time{}
	}}, nil
}

// dropShown throws away the vault's copy of a password that the last link has shown, for
// who showed it may have died before that, or before it was on record.
func (h *Handler) dropShown(ctx context.Context, a account.Account) (learn func(*account.Account), err error) {
	ref, err := h.Links.Shown(ctx, a.HandoverKey(a.Password.Handovers))
	if err != nil {
		return nil, fmt.Errorf("look at the link of %s: %w", a.UserPrincipalName, err)
	}
	if ref == "" || ref != a.SecretRef || a.Delivery.Keep {
		return func(*account.Account) {}, nil
	}
	if err := h.Vault.Discard(ctx, ref); err != nil {
		return nil, fmt.Errorf("discard the vault's copy: %w", err)
	}
	return func(now *account.Account) { now.SecretRef = "" }, nil
}

func (h *Handler) stop(ctx context.Context, a account.Account) error {
	if a.Password.Handovers == 0 {
		return nil
	}
	if err := h.Links.Withdraw(ctx, a.HandoverKey(a.Password.Handovers), a.UserPrincipalName); err != nil {
		return fmt.Errorf("withdraw the link of %s: %w", a.UserPrincipalName, err)
	}
	return nil
}

// discard throws away what the vault holds of an account that is gone for good.
func (h *Handler) discard(ctx context.Context, t task) (step.Result, error) {
	for _, ref := range []string{t.Account.SecretRef, t.Account.Password.NextRef} {
		if ref == "" {
			continue
		}
		if err := h.Vault.Discard(ctx, ref); err != nil {
			return step.Result{}, fmt.Errorf("discard the password of %s: %w", t.Account.UserPrincipalName, err)
		}
	}
	return step.Result{Detail: "The vault keeps no password", Learn: func(a *account.Account) {
		a.SecretRef, a.Password.NextRef = "", ""
	}}, nil
}
