package app

import (
	"context"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/identity"
)

// Own are the credentials that this process signs in with, for what is known about them.
type Own struct {
	// Main signs in for accounts; nil means that only Options.ClientID is known.
	Main *identity.Source
	// Consents signs in for consents. Nil, or the same application, means Main.
	Consents *identity.Source
}

// bare is an application of which only the id is known.
type bare string

func (b bare) ClientID() string         { return string(b) }
func (bare) CertificateEnds() time.Time { return time.Time{} }
func (bare) HasSecret() bool            { return false }
func (bare) IsSecret(string) bool       { return false }

// wireHealth makes what looks at our credentials. It has clients of its own, so that a
// token that works is not dropped for the question.
func (a *App) wireHealth(context.Context) error {
	o := fullsync.ProberOptions{Consents: a.Applications, Books: a.Ledger, First: a.First(), Operators: a.Config.Mail.Operators, Now: a.Now}
	var main fullsync.Own = bare(a.options.ClientID)
	if own := a.options.Own.Main; own != nil {
		main = own
	}
	if err := a.probes(&o, main, a.Credential); err != nil {
		return err
	}
	if own := a.options.Own.Consents; own != nil && !strings.EqualFold(own.ClientID(), main.ClientID()) {
		if err := a.probes(&o, own, a.Consents); err != nil {
			return err
		}
	}
	a.Prober = fullsync.NewProber(o)
	return nil
}

// probes adds an application of ours.
func (a *App) probes(o *fullsync.ProberOptions, own fullsync.Own, credential func(account.TenantID) (azcore.TokenCredential, error)) error {
	as := a.clientOptions()
	as.Credential = credential
	asking, err := clients.Directory(as)
	if err != nil {
		return err
	}
	o.Identities = append(o.Identities, fullsync.Identity{SignIn: asking, Own: own})
	return nil
}

// probe looks at the credentials and consents of a tenant now, for a person.
func (a *App) probe(ctx context.Context, t account.Tenant) (unknown []string, err error) {
	unhealthy, unknown, err := a.Prober.Probe(ctx, t)
	if err == nil {
		a.Meter.Unhealthy(t.Alias, unhealthy)
	}
	return unknown, err
}
