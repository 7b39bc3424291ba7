// Package clients makes the clients of Microsoft's services for the functions that
// call them. It is apart from package host so that the others do not link them.
package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/patience"
	"github.com/usher365/usher/shared/telemetry"
)

// Options say how the services are reached.
type Options struct {
	// Credential signs in to a tenant. Required; see Credential.
	Credential func(account.TenantID) (azcore.TokenCredential, error)
	// Transport carries the calls; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Limits pace the calls to Exchange; zero means the careful defaults.
	Limits exchange.Limits
}

// Credential signs in as the environment says. It gives a new credential each time it
// is asked, which happens once for each tenant and again after a token was refused:
// permissions are frozen into a token, so that one from a cache knows of no grant since.
func Credential(env func(string) (string, bool), login string, transport policy.Transporter) func(account.TenantID) (azcore.TokenCredential, error) {
	return func(t account.TenantID) (azcore.TokenCredential, error) {
		source, err := identity.New(identity.Options{Env: env, AuthorityHost: login, Transport: transport})
		if err != nil {
			return nil, err
		}
		return source.Credential(t)
	}
}

// Of gives the options of a process of its own. It fails when the environment names
// no credential.
func Of(p *host.Process) (Options, error) {
	login := p.Metrics.Count(telemetry.ServiceLogin, nil)
	if _, err := identity.New(identity.Options{Env: p.Env, AuthorityHost: p.Config.Endpoints.Login, Transport: login}); err != nil {
		return Options{}, err
	}
	return Options{Credential: Credential(p.Env, p.Config.Endpoints.Login, login)}, nil
}

// Directory makes the client of Microsoft Graph.
func Directory(e *host.Engines, o Options) (*entra.Client, error) {
	c, err := entra.New(entra.Options{
		Credential: o.Credential, Endpoint: e.Config.Endpoints.Graph, Scope: e.Config.Endpoints.GraphScope,
		Transport: e.Metrics.Count(telemetry.ServiceGraph, o.Transport), Now: e.Now, NewID: e.NewID,
	})
	if err != nil {
		return nil, fmt.Errorf("reach Microsoft Graph: %w", err)
	}
	return c, nil
}

// Exchange makes the client of Exchange Online.
func Exchange(e *host.Engines, o Options) (*exchange.Client, error) {
	c, err := exchange.New(exchange.Options{
		Credential: o.Credential, Endpoint: e.Config.Endpoints.Exchange, Scope: e.Config.Endpoints.ExchangeScope,
		Transport: e.Metrics.Count(telemetry.ServiceExchange, o.Transport), Limits: o.Limits, Now: e.Now, NewID: e.NewID,
	})
	if err != nil {
		return nil, fmt.Errorf("reach Exchange Online: %w", err)
	}
	return c, nil
}

// Room is where accounts wait for Exchange, and what it learns is kept over restarts.
type Room struct {
	*patience.Room
	History *patience.History
	engines *host.Engines
}

// note is where the ledger keeps what was learned about replication.
const note = "patience"

// NewRoom opens the room with what was learned before.
func NewRoom(ctx context.Context, e *host.Engines, eyes patience.Eyes) (*Room, error) {
	learned, err := e.Ledger.Note(ctx, note)
	if err != nil {
		return nil, fmt.Errorf("read what was learned about replication: %w", err)
	}
	history := &patience.History{}
	if learned != nil {
		if err := json.Unmarshal(learned, history); err != nil {
			e.Log.WarnContext(ctx, "what was learned about replication cannot be read; it is learned anew", "error", err)
			history = &patience.History{}
		}
	}
	return &Room{patience.NewRoom(eyes, history, e.Now), history, e}, nil
}

// noteTimeout bounds the writing of a note that nobody waits for.
const noteTimeout = 5 * time.Second

// Known reports and keeps how long an account waited. A note that is not written
// costs a few calls more after a restart.
func (r *Room) Known(t account.TenantID, m account.Member, waited time.Duration) {
	r.Room.Known(t, m, waited)
	ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
	defer cancel()
	learned, err := json.Marshal(r.History)
	if err == nil {
		err = r.engines.Ledger.SetNote(ctx, note, learned)
	}
	if err != nil {
		r.engines.Log.WarnContext(ctx, "what was learned about replication was not kept", "error", err)
	}
}
