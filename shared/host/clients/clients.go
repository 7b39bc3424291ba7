// Package clients makes the clients of Microsoft's services for the functions that
// call them, and for them only: the others do not link it.
package clients

import (
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/exchange"
)

// Options say how the services are reached.
type Options struct {
	// Credential signs in to a tenant. Required; see identity.Credentials.
	Credential func(account.TenantID) (azcore.TokenCredential, error)
	// Endpoints are the services' addresses. Required.
	Endpoints config.Endpoints
	// Graph and Exchange carry the calls to each service; nil means a transport of its client's own.
	Graph, Exchange policy.Transporter
	// Limits pace the calls to Exchange; zero means the careful defaults.
	Limits exchange.Limits
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// NewID gives fresh ids; nil means random UUIDs.
	NewID func() string
}

// Directory makes the client of Microsoft Graph.
func Directory(o Options) (*entra.Client, error) {
	c, err := entra.New(entra.Options{
		Credential: o.Credential, Endpoint: o.Endpoints.Graph, Scope: o.Endpoints.GraphScope,
		Transport: o.Graph, Now: o.Now, NewID: o.NewID,
	})
	if err != nil {
		return nil, fmt.Errorf("reach Microsoft Graph: %w", err)
	}
	return c, nil
}

// Exchange makes the client of Exchange Online.
func Exchange(o Options) (*exchange.Client, error) {
	c, err := exchange.New(exchange.Options{
		Credential: o.Credential, Endpoint: o.Endpoints.Exchange, Scope: o.Endpoints.ExchangeScope,
		Transport: o.Exchange, Limits: o.Limits, Now: o.Now, NewID: o.NewID,
	})
	if err != nil {
		return nil, fmt.Errorf("reach Exchange Online: %w", err)
	}
	return c, nil
}

// Both makes the clients of Microsoft Graph and of Exchange Online.
func Both(o Options) (*entra.Client, *exchange.Client, error) {
	directory, err := Directory(o)
	if err != nil {
		return nil, nil, err
	}
	groups, err := Exchange(o)
	return directory, groups, err
}
