package handovers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/handover"
	"github.com/usher365/usher/shared/ledger"
)

// Vault is what the page needs of the vault.
type Vault interface {
	Open(ctx context.Context, ref string) (account.Secret, error)
	Discard(ctx context.Context, ref string) error
}

// Notices tells a person.
type Notices interface {
	Raise(ctx context.Context, notices ...ledger.Notice) (fresh int, err error)
}

// Rotator sets a new password.
type Rotator interface {
	Rotate(ctx context.Context, a account.Account, by, reason string, how *events.Delivery) (account.Request, error)
}

// PageOptions build the page. Every field is required.
type PageOptions struct {
	Vault   Vault
	Notices Notices
	Desk    Rotator
}

// actor is the page in the audit log.
const actor = "console"

// page is who the links call.
type page struct {
	*Office
	PageOptions
}

// Page answers one-time links. It is mounted at Path, outside the bearer token. Path is
// empty, and the handler nil, where no page is configured.
func (f *Office) Page(o PageOptions) (path string, h http.Handler, err error) {
	if f.links == nil {
		return "", nil, nil
	}
	p := page{f, o}
	options := f.options()
	options.Vault, options.Alarm, options.Revealed = o.Vault, p.alarm, p.revealed
	links, err := handover.NewLinks(options)
	if err != nil {
		return "", nil, err
	}
	u, err := url.Parse(options.Address)
	if err != nil {
		return "", nil, err
	}
	h, err = links.Handler()
	return strings.TrimRight(u.Path, "/") + "/", h, err
}

// of finds the account of a hand-over, and whether that is its latest.
func (p page) of(ctx context.Context, key string) (a account.Account, latest bool, err error) {
	id := key[:max(0, strings.LastIndexByte(key, '-'))]
	if a, err = p.o.Ledger.Account(ctx, id); err != nil {
		return a, false, fmt.Errorf("find the account of hand-over %s: %w", key, err)
	}
	return a, a.HandoverKey(a.Password.Handovers) == key, nil
}

// revealed writes down that a password was shown, and throws the vault's copy away. The
// copy goes first: a row without it is put right by the next look, a copy without a row
// would lie there for ever.
func (p page) revealed(ctx context.Context, h handover.Handover) error {
	a, latest, err := p.of(ctx, h.Key)
	if err != nil {
		return err
	}
	// A later password lies elsewhere, and stays.
	drop := latest && !a.Delivery.Keep && a.SecretRef != "" && a.SecretRef == h.Ref
	if drop {
		if err := p.Vault.Discard(ctx, a.SecretRef); err != nil {
			return fmt.Errorf("discard the vault's copy: %w", err)
		}
	}
	return p.o.Ledger.Update(ctx, a.RequestID, func(rec *ledger.Record) error {
		now := &rec.Account
		if now.HandoverKey(now.Password.Handovers) == h.Key {
			now.Password.LinkUntil = time.Time{}
		}
		if drop && now.SecretRef == a.SecretRef {
			now.SecretRef = ""
		}
		rec.Audit = append(rec.Audit, ledger.Entry{
			Tenant: a.Tenant, At: h.RevealedAt, Kind: "password.revealed", RequestID: a.RequestID, AccountID: a.ID,
			Actor: actor, Text: "hand-over " + h.Key + " was shown to whoever had the link",
		})
		return nil
	})
}

// alarm tells a person of a link that was used wrongly, and sets a new password that stays
// in the vault until somebody asks for it.
func (p page) alarm(ctx context.Context, what handover.Alarm) error {
	a, latest, err := p.of(ctx, what.Key)
	if err != nil {
		return err
	}
	kind, said := "link.visited-again", "was opened again after its password had been shown"
	if what.Reason == handover.NotDelivered {
		kind, said = "link.not-delivered", "gave its password out, and the page did not arrive whole"
	}
	current := latest && !a.Password.SetAt.After(what.RevealedAt)
	if current {
		if err := p.expose(ctx, a, what); err != nil {
			return err
		}
	}
	notice := ledger.Notice{
		Key: ledger.NoticeKey(kind, a.Tenant, what.Key), Tenant: a.Tenant, AccountID: a.ID, RequestID: a.RequestID, Kind: kind, By: actor,
		Text:     fmt.Sprintf("The one-time link of %s %s: somebody else may have seen it. %s", a.UserPrincipalName, said, follows(a, current)),
		RaisedAt: what.At,
	}
	if a.Owner.Email != "" {
		notice.Mail = []string{a.Owner.Email}
	}
	if _, err := p.Notices.Raise(ctx, notice); err != nil {
		return fmt.Errorf("raise a notice: %w", err)
	}
	if !current || a.State != account.AccountActive {
		return nil
	}
	return reset(ctx, p.Desk, a, kind)
}

// expose writes down that the password has to be set anew, before that is tried: while
// another request is at work on the account it must wait, and the nightly sync does it.
func (p page) expose(ctx context.Context, a account.Account, what handover.Alarm) error {
	return p.o.Ledger.Update(ctx, a.RequestID, func(rec *ledger.Record) error {
		now := &rec.Account
		if now.HandoverKey(now.Password.Handovers) == what.Key && !now.Password.SetAt.After(what.RevealedAt) {
			now.Password.ExposedAt = what.At
		}
		return nil
	})
}

// follows tells what becomes of the password. current says that it is the account's still.
func follows(a account.Account, current bool) string {
	switch {
	case !current:
		return "The password has been set anew since."
	case a.State == account.AccountLeaving || a.State == account.AccountGone:
		return fmt.Sprintf("The account is %s; should it come back, its password is set anew the night after.", a.State)
	}
	return fmt.Sprintf("The password is set anew, the next night at the latest; 'usher rotate %s' hands a new one over.", a.UserPrincipalName)
}

// reset sets a new password. One that is being set already is enough; while another request
// is at work the nightly sync comes back to it.
func reset(ctx context.Context, desk Rotator, a account.Account, why string) error {
	_, err := desk.Rotate(ctx, a, actor, why, &events.Delivery{Method: string(account.DeliverToVault)})
	if fault.Is(err, fault.AccountBusy) {
		return nil
	}
	return err
}
