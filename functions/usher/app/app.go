// Package app is every function of Usher in one process, wired to one tenant's worth
// of services or to many: what 'usher serve', 'usher demo' and the operator's commands
// run, and what the simulation and process tests drive.
package app

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/consents"
	"github.com/usher365/usher/shared/host/distributed"
	"github.com/usher365/usher/shared/host/domains"
	"github.com/usher365/usher/shared/host/embedded"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/host/tellers"
	"github.com/usher365/usher/shared/host/vaults"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/telemetry/metrics"
)

// Options build an App.
type Options struct {
	// Engines say which clock, log and credential, which is required. See host.Options.
	Engines host.Options
	// Open opens queue and ledger; nil means those of the configuration.
	Open func(context.Context, host.Options) (*host.Engines, error)
	// Metrics count what happens; nil means metrics of our own.
	Metrics *metrics.Metrics
	// SignIn is how the engines' credential signs in, for the doctor to tell. Empty leaves it out.
	SignIn identity.Method
	// Own are our credentials, for the probe of their health.
	Own Own
	// Transport carries the calls to Graph and Exchange; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Env looks up how a vault that a request names is signed in to; nil means that nothing is set.
	Env func(string) (string, bool)
	// ClientID is our application's id, for the consent link that the doctor prints. Empty leaves it out.
	ClientID string
	// Limits pace the calls to Exchange; zero means the careful defaults.
	Limits exchange.Limits
	// Vault is the address of the vault of sealed passwords; empty means the configured one.
	Vault string
	// Workers is how many deliveries of each function are handled at once; zero means 4.
	Workers int
	// Tell takes status events; nil means the configured call-back, or the log.
	Tell tellers.Teller
	// Functions are what this process serves; empty means all. See Functions.
	Functions []string
	// OnPremises are the tenants' on-premises domains; nil means those of the configuration.
	OnPremises OnPremises
}

// OnPremises is what the functions need of on-premises Active Directory.
type OnPremises interface {
	create.OnPremises
	revoke.OnPremises
	// SetOnPremisesPassword sets the password of an account that bears the stamp.
	SetOnPremisesPassword(ctx context.Context, t account.TenantID, guid, stamp string, password account.Secret) error
}

// App is open: close it.
type App struct {
	*host.Engines
	Metrics   *metrics.Metrics
	Desk      *intake.Desk
	Directory *entra.Client
	// Applications reaches the same directories as the application that grants consents.
	Applications *entra.Client
	Exchange     *exchange.Client
	// OnPremises are the tenants' on-premises domains.
	OnPremises OnPremises
	Vault      vaults.Vault
	Profiles   *profile.Catalogue
	Policy     policy.Policy
	// Prober looks at the health of credentials and consents.
	Prober host.Prober

	options Options
	room    *host.WaitingRoom
	office  *handovers.Office
	// consents is consent by link.
	consents *consents.Office
	workers  []host.Worker
	// bearers are the approvers with a token of their own.
	bearers []policy.Bearer
	handler http.Handler
}

// New opens the engines and wires every function. It calls no tenant: see LearnDomains.
func New(ctx context.Context, o Options) (*App, error) {
	if o.Engines.Credential == nil {
		return nil, errors.New("app: a credential is required")
	}
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	if o.Metrics == nil {
		o.Metrics = metrics.New(o.Engines.WithDefaults().Now)
	}
	if o.Open == nil {
		o.Open = configured
	}
	o.Engines.Meter = o.Metrics
	engines, err := o.Open(ctx, o.Engines)
	if err != nil {
		return nil, err
	}
	o.Metrics.WatchQueues(events.Functions(), engines.Queue.Depth)
	a := &App{Engines: engines, Metrics: o.Metrics, options: o}
	for _, wire := range []func(context.Context) error{a.wireClients, a.wirePatience, a.wireDesk, a.wireHealth, a.wireFunctions, a.wireHTTP} {
		if err := wire(ctx); err != nil {
			return nil, errors.Join(err, engines.Close())
		}
	}
	return a, nil
}

// Handler answers the webhook and the API.
func (a *App) Handler() http.Handler { return a.handler }

// Work runs the functions on their queues until ctx ends, and learns the domains that are not known yet.
func (a *App) Work(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Engines.Work(ctx, a.workers...) })
	group.Go(func() error { a.learnLate(ctx); return nil })
	return group.Wait()
}

func (a *App) wireClients(ctx context.Context) (err error) {
	if a.OnPremises = a.options.OnPremises; a.OnPremises == nil {
		if a.OnPremises, err = domains.Open(a.Config); err != nil {
			return err
		}
	}
	o := a.clientOptions()
	if a.Directory, a.Exchange, err = clients.Both(o); err != nil {
		return err
	}
	o.Credential = a.Consents
	if a.Applications, err = clients.Directory(o); err != nil {
		return err
	}
	a.Vault, err = vaults.Open(ctx, cmp.Or(a.options.Vault, a.Config.VaultAddress()), vaults.Options{
		Credential: a.Credential, Transport: a.Metrics.Count(metrics.ServiceVault, a.options.Transport),
	})
	return err
}

func (a *App) clientOptions() clients.Options {
	return clients.Options{
		Credential: a.Credential, Endpoints: a.Config.Endpoints, Limits: a.options.Limits, Now: a.Now, NewID: a.NewID,
		Graph:    a.Metrics.Count(metrics.ServiceGraph, a.options.Transport),
		Exchange: a.Metrics.Count(metrics.ServiceExchange, a.options.Transport),
	}
}

func (a *App) wirePatience(ctx context.Context) (err error) {
	a.room, err = a.Engines.WaitingRoom(ctx, a.Exchange)
	return err
}

// configured opens what the configuration names: the engines that many processes
// share, or the embedded ones.
func configured(ctx context.Context, o host.Options) (*host.Engines, error) {
	if o.Config.Shared.Given() {
		return distributed.Open(ctx, o, nil)
	}
	return embedded.Open(ctx, o, "")
}
