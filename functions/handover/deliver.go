package handover

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// delivery is where a delivery stands.
type delivery struct {
	// Key is the hand-over's.
	Key string `json:"key"`
	// After and Number bracket the number of the status that brings it: it is above the
	// first and at most the second, which is zero until it is known.
	After  int `json:"after,omitempty"`
	Number int `json:"number,omitempty"`
	// Failed says that the status was given up, and why the password must be set anew.
	Failed bool `json:"failed,omitempty"`
	// Reset is how far that has come.
	Reset *resetting `json:"reset,omitempty"`
	// Left is how many hand-overs there had been when a failed one had to leave the
	// password as it was; zero when none had to.
	Left int `json:"left,omitempty"`
}

// deliver puts the password, sealed or behind a link, into a status of its own, and is
// done when the ticketing system has taken that. A status that was given up may have been
// seen by somebody: then the password is set anew, and a person says when to go on.
func (h *Handler) deliver(ctx context.Context, t task) (step.Result, error) {
	var d delivery
	if err := checkpoint(t, &d); err != nil {
		return step.Result{}, err
	}
	switch {
	case d.Failed:
		return h.startOver(ctx, t, d)
	case d.Left > 0 && t.Account.Password.Handovers > d.Left:
		return step.Result{Detail: "Set anew and handed over by request " + t.Account.Password.SetBy}, nil
	case d.Key == "":
		return h.send(ctx, t)
	case d.Number == 0:
		d.Number = t.Request.Notices
	}
	switch {
	case t.Request.Notified < d.Number:
		return step.Result{Checkpoint: write(d)}, fault.NotReadyf(fault.HandoverNotTaken, "the ticketing system has not taken the password of %s yet", t.Account.UserPrincipalName)
	case slices.ContainsFunc(t.Request.Lost, func(n int) bool { return n > d.After && n <= d.Number }):
		d.Failed = true
		return step.Result{Again: true, Checkpoint: write(d), Learn: func(a *account.Account) { a.Password.ExposedAt = t.Now }}, nil
	}
	return h.delivered(ctx, t, d)
}

// send begins a hand-over under a key of its own.
func (h *Handler) send(ctx context.Context, t task) (step.Result, error) {
	switch {
	case t.Account.SecretRef == "":
		return step.Result{}, fault.Stopf(fault.SecretUnavailable, "no password of %s lies in the vault", t.Account.UserPrincipalName)
	case t.Request.Action == account.Rotate && !renewed(t):
		return step.Result{}, fault.Stopf(fault.HandoverOver, "%s has no new password, so there is nothing to hand over", t.Account.UserPrincipalName)
	case !t.Account.Password.ExposedAt.IsZero():
		return step.Result{}, fault.Stopf(fault.HandoverFailed, "%s", exposed(t.Account))
	}
	key := t.Account.HandoverKey(t.Account.Password.Handovers + 1)
	secret, err := h.wrap(ctx, t, key)
	if err != nil {
		return step.Result{}, err
	}
	secret.Method, secret.Handover = t.Args.Method, key
	return step.Result{
		Again: true, Credential: &secret, Checkpoint: write(delivery{Key: key, After: t.Request.Notices}),
		Learn: func(a *account.Account) { a.Password.Handovers++ },
	}, nil
}

// renewed reports whether the account has got another password since its rotation was
// ordered, by this rotation or by one that had to come after it.
func renewed(t task) bool {
	p := t.Account.Password
	return p.SetBy == t.Request.ID || p.SetAt.After(t.Request.CreatedAt)
}

func (h *Handler) wrap(ctx context.Context, t task, key string) (events.StatusSecret, error) {
	if account.DeliveryMethod(t.Args.Method) == account.DeliverByLink {
		return events.StatusSecret{VaultReference: t.Account.SecretRef}, nil
	}
	password, err := h.Vault.Open(ctx, t.Account.SecretRef)
	if err != nil {
		return events.StatusSecret{}, fmt.Errorf("open the password of %s: %w", t.Account.UserPrincipalName, err)
	}
	return h.Seal(t.Args.Recipients, password)
}

// delivered ends a hand-over that the ticketing system has taken.
func (h *Handler) delivered(ctx context.Context, t task, d delivery) (step.Result, error) {
	if account.DeliveryMethod(t.Args.Method) == account.DeliverByLink {
		until, err := h.Links.Until(ctx, d.Key)
		if err != nil {
			return step.Result{}, fmt.Errorf("look at the link of %s: %w", t.Account.UserPrincipalName, err)
		}
		shown, err := h.dropShown(ctx, t.Account)
		if err != nil {
			return step.Result{}, err
		}
		return step.Result{Detail: "One-time link handed over", Learn: func(a *account.Account) {
			shown(a)
			a.Password.LinkUntil = until
		}}, nil
	}
	detail := "Handed over, sealed to the recipient's key"
	if t.Args.Keep {
		return step.Result{Detail: detail}, nil
	}
	if err := h.Vault.Discard(ctx, t.Account.SecretRef); err != nil {
		return step.Result{}, fmt.Errorf("discard the vault's copy: %w", err)
	}
	return step.Result{Detail: detail + "; the vault keeps no copy", Learn: func(a *account.Account) { a.SecretRef = "" }}, nil
}

// startOver makes a failed hand-over harmless: its link is withdrawn and its password set
// anew. The new one stays in the vault until a person has the step tried again.
func (h *Handler) startOver(ctx context.Context, t task, d delivery) (step.Result, error) {
	if err := h.stop(ctx, t.Account); err != nil {
		return step.Result{}, err
	}
	if d.Reset == nil {
		d.Reset = &resetting{}
	}
	done, err := h.renew(ctx, t, d.Key, d.Reset)
	switch {
	case fault.Is(err, fault.UserStillPrivileged):
		return h.leave(ctx, t)
	case err != nil || done.Again:
		done.Checkpoint = write(d)
		return done, err
	}
	done.Checkpoint = write(delivery{}) // the next try begins a hand-over of its own
	return done, fault.Stopf(fault.HandoverFailed, "the ticketing system did not take the password of %s; the password was set anew and lies in the vault", t.Account.UserPrincipalName)
}

// leave is for an account whose roles are in the way of a new password. A rotation takes
// them for a moment; until there was one, nothing is handed over.
func (h *Handler) leave(ctx context.Context, t task) (step.Result, error) {
	unset := t.Account.Password.NextRef
	if unset != "" {
		if err := h.Vault.Discard(ctx, unset); err != nil {
			return step.Result{}, fmt.Errorf("discard a password that was not set: %w", err)
		}
	}
	return step.Result{
			Checkpoint: write(delivery{Left: t.Account.Password.Handovers}),
			Learn: func(a *account.Account) {
				if a.Password.NextRef == unset {
					a.Password.NextRef = ""
				}
			},
		}, fault.Stopf(fault.HandoverFailed, "the ticketing system did not take the password of %s; %s",
			t.Account.UserPrincipalName, exposed(t.Account))
}

// exposed says what has to come before a hand-over is tried again.
func exposed(a account.Account) string {
	return fmt.Sprintf("the password is not set anew yet, which may take its roles for a moment: the next night does it, or 'usher rotate %s' now", a.UserPrincipalName)
}

// checkpoint reads where the step stands; nothing changes where it has not begun.
func checkpoint(t task, into any) error {
	if len(t.Step.Checkpoint) == 0 {
		return nil
	}
	if err := json.Unmarshal(t.Step.Checkpoint, into); err != nil {
		return fault.Stopf(fault.MalformedCommand, "read where %s stands: %w", t.Step.Name, err)
	}
	return nil
}

func write(place any) json.RawMessage {
	b, err := json.Marshal(place)
	if err != nil {
		// They hold texts, numbers and times only.
		panic("handover: a checkpoint cannot be written: " + err.Error())
	}
	return b
}
