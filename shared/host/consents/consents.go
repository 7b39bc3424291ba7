// Package consents wires consent by link for every process that takes part in it: intake
// checks whether there is such a thing, notify makes the links, grantconsent asks what came
// back, and the console gives new links and answers the browser. None of it needs Graph.
package consents

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/consent"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// Ledger is what consent by link needs of it.
type Ledger interface {
	consent.Store
	Request(ctx context.Context, id string) (account.Request, error)
	Update(ctx context.Context, requestID string, change func(*ledger.Record) error) error
}

// Options build an Office. Every field is required.
type Options struct {
	Config config.Config
	Ledger Ledger
	// Tenant finds a configured tenant.
	Tenant func(account.TenantID) (account.Tenant, bool)
	Now    func() time.Time
	Log    *slog.Logger
}

// Office is consent by link in one installation.
type Office struct {
	Options
	links *consent.Links
}

// New makes an Office.
func New(o Options) *Office {
	return &Office{o, consent.New(o.Ledger, consent.Options{Now: o.Now})}
}

// Check refuses consent by link where no browser can come back.
func (f *Office) Check(m account.ConsentMethod) error {
	if m == account.ConsentLink && f.Config.PublicAddress == "" {
		return fault.Stopf(fault.RequestInvalid, "consent by link needs an address where the administrator's browser comes back to, and none is configured: set publicAddress, or consent: direct for the tenant")
	}
	return nil
}

// Latest gives the link of a step that works, or worked last.
func (f *Office) Latest(ctx context.Context, request, step string) (consent.Link, bool, error) {
	return f.links.Latest(ctx, request, step)
}

// Address makes a link for a step that waits for a consent, for the ticket and nothing
// else. The one made before stops working. It is zero when nobody waits any more.
func (f *Office) Address(ctx context.Context, request, name string) (account.Secret, time.Time, error) {
	r, err := f.Ledger.Request(ctx, request)
	if err != nil {
		return account.Secret{}, time.Time{}, err
	}
	st, args, waits := consent.Waiting(&r)
	if !waits || st.Name != name {
		return account.Secret{}, time.Time{}, nil
	}
	return f.issue(ctx, r, st.Name, args)
}

func (f *Office) issue(ctx context.Context, r account.Request, name string, args events.GrantConsentArgs) (account.Secret, time.Time, error) {
	if err := f.Check(account.ConsentLink); err != nil {
		return account.Secret{}, time.Time{}, err
	}
	address, link, err := f.links.Issue(ctx, consent.Ask{
		Request: r.ID, Step: name, Tenant: r.Tenant, AppID: args.AppID,
		Login: f.Config.Endpoints.Login, Scope: f.Config.Endpoints.GraphScope, RedirectURI: f.Config.CallBack(),
	})
	return address, link.ExpiresAt, err
}

// Renew makes a new link for whoever asks for it by the request's id, which is written
// down. The one before stops working.
func (f *Office) Renew(ctx context.Context, request, by string) (account.Secret, time.Time, error) {
	var r account.Request
	var args events.GrantConsentArgs
	var name string
	err := f.Ledger.Update(ctx, request, func(rec *ledger.Record) error {
		r = rec.Request
		st, found, waits := consent.Waiting(&r)
		if !waits {
			return fault.Stopf(fault.RequestInvalid, "request %s is %s and waits for no consent by link", r.ID, account.StateOf(r))
		}
		name, args = st.Name, found
		rec.Audit = append(rec.Audit, f.entry(rec, "consent.link", by, "a new consent link for "+args.App+"; the one before stops working"))
		return nil
	})
	if err != nil {
		return account.Secret{}, time.Time{}, err
	}
	return f.issue(ctx, r, name, args)
}

func (f *Office) entry(rec *ledger.Record, kind, by, text string) ledger.Entry {
	return ledger.Entry{
		Tenant: rec.Request.Tenant, At: f.Now(), Kind: kind, RequestID: rec.Request.ID, AccountID: rec.Account.ID, Actor: by, Text: text,
	}
}

// heed writes an answer down that counts, and has the step that waits for it tried soon.
// When it is lost in a crash, the step finds the answer by itself, minutes later.
func (f *Office) heed(ctx context.Context, v consent.Verdict) error {
	err := f.Ledger.Update(ctx, v.Link.Request, func(rec *ledger.Record) error {
		rec.Audit = append(rec.Audit, f.entry(rec, "consent.answered", "console", v.Reason+" (application "+v.Link.AppID+")"))
		st, _, waits := consent.Waiting(&rec.Request)
		tenant, known := f.Tenant(rec.Request.Tenant)
		if waits && st.Name == v.Link.Step && known {
			rec.Send = append(rec.Send, step.Wake(&rec.Request, st, tenant.Alias, f.Now()))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("tell request %s of its consent: %w", v.Link.Request, err)
	}
	return nil
}
