package lambda

import (
	"context"
	"errors"

	"github.com/usher365/usher/shared/host"
)

// probe looks at the health of credentials in every tenant.
func probe(ctx context.Context, p *Process, prober host.Prober) error {
	if prober == nil {
		return errors.New("this function probes nothing; fullsync does")
	}
	return p.ProbeAll(ctx, prober)
}

// startSync starts the full sync of one tenant or of all.
func startSync(ctx context.Context, p *Process, desk host.Starter, j job) (started []string, err error) {
	if desk == nil {
		return nil, errors.New("this function starts no full sync; fullsync does")
	}
	alias := j.Tenant
	if alias == everyTenant {
		alias = ""
	}
	requests, err := p.StartNight(ctx, desk, alias, j.date(p.Now()))
	for _, r := range requests {
		started = append(started, r.ID)
	}
	return started, err
}
