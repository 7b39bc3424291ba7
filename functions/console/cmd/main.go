// Command console is the AWS Lambda function that answers the API of operators.
package main

import (
	"context"
	"net/http"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/policies"
	"github.com/usher365/usher/shared/host/profiles"
)

func main() { lambda.ServeHTTP("console", wire) }

// wire makes the API without its doctor, for this function makes no calls to tenants.
func wire(_ context.Context, p *lambda.Process) (http.Handler, error) {
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
	desk, err := intake.New(intake.Options{Ledger: p.Ledger, Tenants: p.Tenants.All, Profiles: catalogue, Policy: rules, Now: p.Now, NewID: p.NewID})
	if err != nil {
		return nil, err
	}
	return console.New(console.Options{
		Requests: p.Ledger, Accounts: p.Ledger, Audit: p.Ledger, Notices: p.Ledger, DeadLetters: p.Queue, Desk: desk, Cases: desk, Lives: desk, Connections: desk,
		Profiles: catalogue.List(), Tenants: p.Tenants.All, Token: p.Config.APIToken, Now: p.Now, Ready: p.Ready,
	}), nil
}
