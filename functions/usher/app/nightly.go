package app

import (
	"context"
	"fmt"
	"time"
)

// lookAtClock is how often the timer looks at the clock: a machine that slept, or
// whose clock was set, must not miss its night.
const lookAtClock = time.Minute

// Nightly starts the sync of every tenant when the schedule says so, until ctx ends.
// A run that was due while the process did not run is made up for at once.
func (a *App) Nightly(ctx context.Context) error {
	last, err := a.lastRun(ctx)
	if err != nil {
		return err
	}
	for {
		due, err := a.Config.Sync.Next(last)
		if err != nil {
			return fmt.Errorf("find the next sync of schedule %q: %w", a.Config.Sync.Schedule, err)
		}
		if now := a.Now(); !due.After(now) {
			a.startSync(ctx)
			last = now
			continue
		}
		select {
		case <-time.After(min(due.Sub(a.Now()), lookAtClock)):
		case <-ctx.Done():
			return nil
		}
	}
}

// lastRun is when the latest sync began; now, when there was none yet.
func (a *App) lastRun(ctx context.Context) (time.Time, error) {
	runs, err := a.Ledger.Runs(ctx, "", 1)
	if err != nil {
		return time.Time{}, fmt.Errorf("see when the last sync ran: %w", err)
	}
	if len(runs) == 0 {
		return a.Now(), nil
	}
	return runs[0].StartedAt, nil
}

func (a *App) startSync(ctx context.Context) {
	if _, err := a.Desk.Sync(ctx, "", "timer"); err != nil && ctx.Err() == nil {
		a.Log.ErrorContext(ctx, "the nightly sync could not be started for every tenant", "error", err)
	}
}
