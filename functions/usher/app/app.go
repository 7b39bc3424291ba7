// Package app is every function of Usher in one process, wired to one tenant's worth
// of services or to many: what 'usher serve', 'usher demo' and the operator's commands
// run, and what the simulation and process tests drive.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"golang.org/x/sync/errgroup"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/patience"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/telemetry"
)

// Options build an App.
type Options struct {
	// Engines say which database, clock and log. See host.Options.
	Engines host.Options
	// Credential signs in to a tenant. Required.
	Credential func(account.TenantID) (azcore.TokenCredential, error)
	// Transport carries the calls to Graph and Exchange; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// ClientID is our application's id, for the consent link that the doctor prints. Empty leaves it out.
	ClientID string
	// Limits pace the calls to Exchange; zero means the careful defaults.
	Limits exchange.Limits
	// Vault is the directory of sealed passwords; empty means vault in the data directory.
	Vault string
	// Workers is how many deliveries of each function are handled at once; zero means 4.
	Workers int
}

// App is open: close it.
type App struct {
	*host.Engines
	Desk      *intake.Desk
	Directory *entra.Client
	Exchange  *exchange.Client
	Vault     *secrets.FileVault
	Profiles  *profile.Catalogue

	options Options
	history *patience.History
	room    *patience.Room
	workers []host.Worker
	handler http.Handler
}

// New opens the engines and wires every function. It calls no tenant: see LearnDomains.
func New(ctx context.Context, o Options) (*App, error) {
	if o.Credential == nil {
		return nil, errors.New("app: a credential is required")
	}
	profiles, err := host.Profiles(o.Engines.Config.Profiles)
	if err != nil {
		return nil, err
	}
	engines, err := host.Open(ctx, o.Engines)
	if err != nil {
		return nil, err
	}
	a := &App{Engines: engines, options: o, Profiles: profiles, history: &patience.History{}}
	for _, wire := range []func(context.Context) error{a.wireClients, a.wirePatience, a.wireDesk, a.wireFunctions, a.wireHTTP} {
		if err := wire(ctx); err != nil {
			return nil, errors.Join(err, engines.Close())
		}
	}
	return a, nil
}

// Handler answers the webhook and the API.
func (a *App) Handler() http.Handler { return a.handler }

// Work runs every function until ctx ends, and learns the domains that are not known yet.
func (a *App) Work(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Engines.Work(ctx, a.workers...) })
	group.Go(func() error { a.learnLate(ctx); return nil })
	return group.Wait()
}

func (a *App) wireClients(context.Context) (err error) {
	c := a.Config.Endpoints
	a.Directory, err = entra.New(entra.Options{
		Credential: a.options.Credential, Endpoint: c.Graph, Scope: c.GraphScope,
		Transport: a.Metrics.Count(telemetry.ServiceGraph, a.options.Transport), Now: a.Now, NewID: a.NewID,
	})
	if err != nil {
		return fmt.Errorf("reach Microsoft Graph: %w", err)
	}
	a.Exchange, err = exchange.New(exchange.Options{
		Credential: a.options.Credential, Endpoint: c.Exchange, Scope: c.ExchangeScope,
		Transport: a.Metrics.Count(telemetry.ServiceExchange, a.options.Transport), Limits: a.options.Limits, Now: a.Now, NewID: a.NewID,
	})
	if err != nil {
		return fmt.Errorf("reach Exchange Online: %w", err)
	}
	dir := a.options.Vault
	if dir == "" {
		dir = filepath.Join(a.Config.Data, "vault")
	}
	a.Vault, err = secrets.OpenFileVault(dir, secrets.Options{})
	return err
}

// patienceNote is where the ledger keeps what was learned about replication.
const patienceNote = "patience"

// wirePatience brings back what was learned about replication before.
func (a *App) wirePatience(ctx context.Context) error {
	learned, err := a.Ledger.Note(ctx, patienceNote)
	if err != nil {
		return fmt.Errorf("read what was learned about replication: %w", err)
	}
	if learned != nil {
		if err := json.Unmarshal(learned, a.history); err != nil {
			a.Log.WarnContext(ctx, "what was learned about replication cannot be read; it is learned anew", "error", err)
			a.history = &patience.History{}
		}
	}
	a.room = patience.NewRoom(a.Exchange, a.history, a.Now)
	return nil
}

// remembering keeps what the room learns over restarts.
type remembering struct {
	*patience.Room
	app *App
}

// noteTimeout bounds the writing of a note that nobody waits for.
const noteTimeout = 5 * time.Second

// Known reports and keeps how long an account waited. A note that is not written
// costs a few calls more after a restart.
func (r remembering) Known(t account.TenantID, m account.Member, waited time.Duration) {
	r.Room.Known(t, m, waited)
	ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
	defer cancel()
	learned, err := json.Marshal(r.app.history)
	if err == nil {
		err = r.app.Ledger.SetNote(ctx, patienceNote, learned)
	}
	if err != nil {
		r.app.Log.WarnContext(ctx, "what was learned about replication was not kept", "error", err)
	}
}

// ready says why the process cannot work.
func (a *App) ready(ctx context.Context) (reasons []string) {
	if _, err := a.Ledger.AuditTenants(ctx); err != nil {
		reasons = append(reasons, "the ledger cannot be read: "+err.Error())
	}
	for _, t := range a.Tenants.Unknown() {
		reasons = append(reasons, "the domains of tenant "+t.Alias+" are not known yet; 'usher doctor' says why")
	}
	return reasons
}

var _ console.Desk = orders{}
