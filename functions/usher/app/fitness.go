package app

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/checkfitness"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
)

// outlook looks at the fitness of accounts for the console, without changing anything.
type outlook struct{ app *App }

// OfDocument is about the account of a request document.
func (o outlook) OfDocument(ctx context.Context, document []byte) (console.FitnessReport, error) {
	acc, args, err := o.app.Desk.Candidate(document)
	if err != nil {
		return console.FitnessReport{}, err
	}
	return o.report(ctx, acc, args)
}

// OfAccount is about an account that we manage.
func (o outlook) OfAccount(ctx context.Context, acc account.Account) (console.FitnessReport, error) {
	return o.report(ctx, acc, o.app.Desk.Standing(acc))
}

func (o outlook) report(ctx context.Context, acc account.Account, args events.CheckFitnessArgs) (console.FitnessReport, error) {
	report := console.FitnessReport{UserPrincipalName: acc.UserPrincipalName, Profile: acc.Profile, Mode: args.Mode}
	for _, t := range o.app.Tenants.All() {
		if t.ID == acc.Tenant {
			report.Tenant = t.Alias
		}
	}
	var err error
	report.Fitness, err = checkfitness.Assess(ctx, o.app.Directory, acc, args, o.app.Now())
	return report, err
}
