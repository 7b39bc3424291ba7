// Command console is the AWS Lambda function that answers the API of operators.
package main

import (
	"context"
	"net/http"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/consents"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/policies"
	"github.com/usher365/usher/shared/host/profiles"
	"github.com/usher365/usher/shared/host/vaults"
)

func main() { lambda.ServeHTTP("console", wire) }

// wire makes the API without its doctor, for this function makes no calls to tenants.
func wire(ctx context.Context, p *lambda.Process) (http.Handler, error) {
	if err := p.Config.Check(config.NeedAPIToken, config.NeedTenants); err != nil {
		return nil, err
	}
	catalogue, err := profiles.Known(p.Config.Profiles)
	if err != nil {
		return nil, err
	}
	rules, err := policies.Known(p.Config)
	if err != nil {
		return nil, err
	}
	bearers, err := policies.Bearers(p.Config, rules)
	if err != nil {
		return nil, err
	}
	office, err := handovers.New(handovers.Options{Config: p.Config, Ledger: p.Ledger, Now: p.Now, Log: p.Log})
	if err != nil {
		return nil, err
	}
	desk, err := intake.New(intake.Options{Ledger: p.Ledger, Deliverable: office.Check, ByLink: p.Config.PublicAddress != "", Tenants: p.Tenants.All, Profiles: catalogue, Policy: rules, Now: p.Now, NewID: p.NewID})
	if err != nil {
		return nil, err
	}
	links := consents.New(consents.Options{Config: p.Config, Ledger: p.Ledger, Tenant: p.Tenants.Find, Now: p.Now, Log: p.Log})
	api := console.New(console.Options{
		Requests: p.Ledger, Accounts: p.Ledger, Audit: p.Ledger, Notices: p.Ledger, DeadLetters: p.Queue, Desk: desk, Passwords: desk, Cases: desk, Lives: desk, Connections: desk, Consents: links,
		Profiles: catalogue.List(), Tenants: p.Tenants.All, Token: p.Config.APIToken, Bearers: bearers, Now: p.Now, Ready: p.Ready,
	})
	mux := http.NewServeMux()
	mux.Handle("/", api)
	links.Mount(mux)
	return mux, withPage(ctx, p, office, desk, mux)
}

// withPage puts the page of one-time links beside the API, where one is configured: only
// then does this function need the vault.
func withPage(ctx context.Context, p *lambda.Process, office *handovers.Office, desk *intake.Desk, mux *http.ServeMux) error {
	if p.Config.HandOver.Address == "" {
		return nil
	}
	signIn, err := p.SignIn()
	if err != nil {
		return err
	}
	vault, err := vaults.Open(ctx, p.Config.VaultAddress(), vaults.Options{Credential: signIn})
	if err != nil {
		return err
	}
	path, page, err := office.Page(handovers.PageOptions{Vault: vault, Notices: p.Ledger, Desk: desk})
	if err != nil {
		return err
	}
	mux.Handle(path, page)
	return nil
}
