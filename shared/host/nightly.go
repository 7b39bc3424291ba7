package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/tables"
)

// lookAtClock is how often the timer looks at the clock: a machine that slept, or
// whose clock was set, must not miss its night.
const lookAtClock = time.Minute

// Starter starts the sync of a tenant, of every tenant when alias is empty.
type Starter interface {
	Sync(ctx context.Context, alias, by string) ([]account.Request, error)
}

// Nightly starts the sync of every tenant when the schedule says so, until ctx ends.
// A run that was due while no process ran is made up for at once.
func (e *Engines) Nightly(ctx context.Context, desk Starter) error {
	last, err := e.lastRun(ctx)
	if err == nil {
		err = e.RecallSyncs(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return nil // stopped before it began
	case err != nil:
		return err
	}
	for {
		due, err := e.Config.Sync.Next(last)
		if err != nil {
			return fmt.Errorf("find the next sync of schedule %q: %w", e.Config.Sync.Schedule, err)
		}
		if now := e.Now(); !due.After(now) {
			if _, err := e.StartNight(ctx, desk, "", due.UTC().Format(time.RFC3339)); err != nil && ctx.Err() == nil {
				e.Log.ErrorContext(ctx, "the nightly sync could not be started for every tenant", "error", err)
			}
			last = now
			continue
		}
		select {
		case <-time.After(min(due.Sub(e.Now()), lookAtClock)):
		case <-ctx.Done():
			return nil
		}
	}
}

// lastRun is when the latest sync began; now, when there was none yet.
func (e *Engines) lastRun(ctx context.Context) (time.Time, error) {
	runs, err := e.Ledger.Runs(ctx, "", 1)
	if err != nil {
		return time.Time{}, fmt.Errorf("see when the last sync ran: %w", err)
	}
	if len(runs) == 0 {
		return e.Now(), nil
	}
	return runs[0].StartedAt, nil
}

// StartNight starts the sync of one tenant, by alias, or of all when alias is empty,
// once for each night: a schedule may fire twice, and several processes may have one. A
// night is named by its date or time. A sync that still runs is no failure.
func (e *Engines) StartNight(ctx context.Context, desk Starter, alias, night string) ([]account.Request, error) {
	key := "night/" + alias
	before, err := e.Ledger.Note(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("see which night was started: %w", err)
	}
	if string(before) == night {
		e.Log.InfoContext(ctx, "the full sync of this night was started before", "tenant", alias, "night", night)
		return nil, nil
	}
	started, err := desk.Sync(ctx, alias, "timer")
	if err = withoutRunning(err); err != nil {
		return started, fmt.Errorf("start the full sync: %w", err)
	}
	return started, e.Ledger.SetNote(ctx, key, []byte(night))
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

// SyncRuns is the ledger as fullsync needs it, which also notes in the metrics when a
// tenant was last compared from end to end.
func (e *Engines) SyncRuns() *SyncRuns { return &SyncRuns{e.Ledger, e} }

// SyncRuns is the ledger with an eye on runs that are saved.
type SyncRuns struct {
	*tables.Ledger
	engines *Engines
}

// SaveRun stores what a sync found.
func (r *SyncRuns) SaveRun(ctx context.Context, run ledger.SyncRun) error {
	if t, known := r.engines.Tenants.Find(run.Tenant); known && run.Error == "" {
		r.engines.Meter.Synced(t.Alias, run.FinishedAt)
	}
	return r.Ledger.SaveRun(ctx, run)
}

// recentRuns is how far back a good sync is looked for: a fortnight and more of nights.
const recentRuns = 20

// RecallSyncs notes in the metrics when each tenant was last compared from end to end,
// by whichever process.
func (e *Engines) RecallSyncs(ctx context.Context) error {
	for _, t := range e.Tenants.All() {
		runs, err := e.Ledger.Runs(ctx, t.ID, recentRuns)
		if err != nil {
			return fmt.Errorf("see when tenant %s was compared: %w", t.Alias, err)
		}
		for _, run := range runs {
			if run.Error == "" && !run.FinishedAt.IsZero() {
				e.Meter.Synced(t.Alias, run.FinishedAt)
				break
			}
		}
	}
	return nil
}
