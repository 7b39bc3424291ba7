// Package handovers wires the hand-over of passwords for every process that takes part in
// it: intake checks how, handover seals, notify makes the links, the console shows the page.
package handovers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/handover"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

// Ledger is what the hand-over needs of it.
type Ledger interface {
	handover.Store
	Account(ctx context.Context, id string) (account.Account, error)
	Update(ctx context.Context, requestID string, change func(*ledger.Record) error) error
}

// Options build an Office. Every field is required unless it says otherwise.
type Options struct {
	Config config.Config
	Ledger Ledger
	Now    func() time.Time
	Log    *slog.Logger
	// Profiles are those whose recipients are checked. Nil checks none.
	Profiles []profile.Profile
	// Ticket says that statuses reach a ticketing system though no call-back is configured.
	Ticket bool
}

// Office is the hand-over of one installation.
type Office struct {
	o Options
	// links is nil where no page is configured.
	links *handover.Links
}

// New makes an Office. It refuses tenants' and profiles' recipients that are no public keys.
func New(o Options) (*Office, error) {
	f := &Office{o: o}
	for _, t := range o.Config.Tenants {
		if err := checkKeys("tenants."+t.Alias, t.Delivery.Recipients); err != nil {
			return nil, err
		}
	}
	for _, p := range o.Profiles {
		if err := checkKeys("profile "+p.Name, p.Delivery.Recipients); err != nil {
			return nil, err
		}
	}
	if o.Config.HandOver.Address == "" {
		return f, nil
	}
	links, err := handover.NewLinks(f.options())
	if err != nil {
		return nil, config.Problems{{Where: "handover.address (or USHER_HANDOVER_ADDRESS)", What: err.Error()}}
	}
	f.links = links
	return f, nil
}

func checkKeys(of string, recipients []string) error {
	if len(recipients) == 0 {
		return nil
	}
	if _, err := handover.ParseRecipients(recipients); err != nil {
		return config.Problems{{Where: of + ".delivery", What: text(err)}}
	}
	return nil
}

func text(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Err.Error()
	}
	return err.Error()
}

func (f *Office) options() handover.Options {
	h := f.o.Config.HandOver
	return handover.Options{Store: f.o.Ledger, Address: h.Address, Life: h.Life, Now: f.o.Now, Log: f.o.Log}
}

// Check refuses a delivery that this installation does not have, and recipients that are
// no public keys. What it says never quotes a key.
func (f *Office) Check(d account.Delivery) error {
	if !d.Leaves() {
		return nil
	}
	if f.o.Config.Callback.URL == "" && !f.o.Ticket {
		return fault.Stopf(fault.RequestInvalid, "delivery.method %s needs a ticketing system to answer to, and no call-back is configured: use vault, or set callback.url", d.Method)
	}
	if d.Method == account.DeliverByLink {
		if f.links == nil {
			return fault.Stopf(fault.RequestInvalid, "delivery.method link needs a page, and none is configured: use age or vault, or set handover.address")
		}
		return nil
	}
	_, err := handover.ParseRecipients(d.Recipients)
	return err
}

// Seal seals a password to public keys.
func Seal(recipients []string, password account.Secret) (events.StatusSecret, error) {
	to, err := handover.ParseRecipients(recipients)
	if err != nil {
		return events.StatusSecret{}, err
	}
	sealed, err := to.Seal(password)
	if err != nil {
		return events.StatusSecret{}, err
	}
	return events.StatusSecret{Sealed: sealed.Text, SealedTo: []string{sealed.To}, HowTo: sealed.HowTo()}, nil
}

// Address makes the link of a hand-over, for the ticket and nothing else. A link made
// before for the same hand-over stops working. fault.HandoverOver says that there will be
// no other.
func (f *Office) Address(ctx context.Context, key, ref, upn string) (account.Secret, time.Time, error) {
	if f.links == nil {
		return account.Secret{}, time.Time{}, fault.Stopf(fault.HandoverOver, "no page is configured any more (handover.address)")
	}
	link, err := f.links.Make(ctx, key, ref, upn)
	return link.Address, link.ExpiresAt, err
}

// Until is when an open link ends; zero when it is not open, or was not made.
func (f *Office) Until(ctx context.Context, key string) (time.Time, error) {
	if f.links == nil {
		return time.Time{}, nil
	}
	h, known, err := f.links.Look(ctx, key)
	if err != nil || !known || h.State != handover.Open {
		return time.Time{}, err
	}
	return h.ExpiresAt, nil
}

// Shown gives the vault's reference of the password that a hand-over has shown; empty when
// it has shown none.
func (f *Office) Shown(ctx context.Context, key string) (ref string, err error) {
	if f.links == nil {
		return "", nil
	}
	h, _, err := f.links.Look(ctx, key)
	if err != nil || h.State != handover.Revealed {
		return "", err
	}
	return h.Ref, nil
}

// Withdraw stops a link that is open, or whose status has not left yet.
func (f *Office) Withdraw(ctx context.Context, key, upn string) error {
	if f.links == nil {
		return nil
	}
	h, err := f.links.Withdraw(ctx, key)
	if err != nil || h.Key != "" {
		return err
	}
	// Nothing was made: what is withdrawn at once cannot be made later.
	if _, err := f.links.Make(ctx, key, "withdrawn", upn); err != nil && !fault.Is(err, fault.HandoverOver) {
		return fmt.Errorf("withdraw a link that was not made: %w", err)
	}
	_, err = f.links.Withdraw(ctx, key)
	return err
}
