package lambda

import (
	"context"
	"errors"

	"github.com/usher365/usher/shared/host"
)

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
