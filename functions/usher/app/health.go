package app

import (
	"context"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/identity"
)

// Own are the credentials that this process signs in with, for what is known about them.
type Own struct {
	// Main signs in for accounts. Nil means that this process has no credential of its own:
	// then it says nothing about ours.
	Main *identity.Source
	// Consents signs in for consents. Nil, or the same application, means Main.
	Consents *identity.Source
}

// wireHealth makes what looks at our credentials. It has clients of its own, so that a
// token that works is not dropped for the question.
func (a *App) wireHealth(context.Context) error {
	o := fullsync.ProberOptions{Consents: a.Applications, Books: a.Ledger, First: a.First(), Operators: a.Config.Mail.Operators, Now: a.Now}
	own := a.options.Own
	if own.Main != nil {
		if err := a.probes(&o, own.Main, a.Credential); err != nil {
			return err
		}
	}
	if own.Consents != nil && (own.Main == nil || !strings.EqualFold(own.Consents.ClientID(), own.Main.ClientID())) {
		if err := a.probes(&o, own.Consents, a.Consents); err != nil {
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
