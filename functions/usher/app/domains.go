package app

import (
	"context"
	"time"
)

// learnEvery is the pause between two looks for domains that are not known yet.
const learnEvery = 30 * time.Second

// LearnDomains asks the tenants that are not known yet for their domains.
func (a *App) LearnDomains(ctx context.Context) error {
	return a.Engines.LearnDomains(ctx, a.Directory.Domains)
}

// learnLate asks until every tenant is known, or ctx ends.
func (a *App) learnLate(ctx context.Context) {
	for len(a.Tenants.Unknown()) > 0 {
		select {
		case <-time.After(learnEvery):
		case <-ctx.Done():
			return
		}
		if err := a.LearnDomains(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "not ready: the domains of a tenant are not known", "error", err)
		}
	}
}
