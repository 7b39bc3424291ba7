package lambda

import (
	"context"
	"errors"
	"fmt"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/host"
)

// startSync starts the full sync of one tenant or of all, once for each night: a
// schedule may fire twice. A sync that still runs is no failure.
func startSync(ctx context.Context, p *Process, desk host.Starter, j job) (started []string, err error) {
	if desk == nil {
		return nil, errors.New("this function starts no full sync; fullsync does")
	}
	key, night := "started/"+jobFullSync+"/"+j.Tenant, j.date(p.Now())
	before, err := p.Ledger.Note(ctx, key)
	if err != nil {
		return nil, err
	}
	if string(before) == night {
		p.Log.InfoContext(ctx, "the full sync of this night was started before", "tenant", j.Tenant, "night", night)
		return nil, nil
	}
	alias := j.Tenant
	if alias == everyTenant {
		alias = ""
	}
	requests, err := desk.Sync(ctx, alias, "timer")
	for _, r := range requests {
		started = append(started, r.ID)
	}
	if err = withoutRunning(err); err != nil {
		return started, fmt.Errorf("start the full sync: %w", err)
	}
	return started, p.Ledger.SetNote(ctx, key, []byte(night))
}

// withoutRunning leaves out what says that a sync still runs.
func withoutRunning(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, one := range many.Unwrap() {
			rest = append(rest, withoutRunning(one))
		}
		return errors.Join(rest...)
	}
	if fault.Is(err, fault.SyncRunning) {
		return nil
	}
	return err
}
