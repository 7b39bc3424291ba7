package step

import (
	"context"
	"errors"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

const (
	// leaseTime is how long an account stays taken by an attempt that gives no sign of
	// life, for its process may have died or frozen.
	leaseTime = 30 * time.Second
	// leaseRenewal is how often an attempt gives one: two may be missed.
	leaseRenewal = leaseTime / 3
)

// busyPause is short, for most steps take a second; a holder that died keeps its
// lease to the end, and is not asked about every second of it.
func busyPause(free time.Duration) time.Duration {
	return min(max(free/10, time.Second), 10*time.Second)
}

// errOvertaken rolls back the record of an attempt in whose place another one works now.
var errOvertaken = errors.New("another attempt has taken this one's place")

// current reports whether an attempt may write: it holds the account's lease or, where
// there is no account, it is the one that the step was last begun by and not ended.
func (a *attempt) current(rec *ledger.Record, st *account.Step) bool {
	if rec.Account.ID != "" {
		return rec.Lease.Token == a.token
	}
	return st.State == account.StepRunning && st.Attempt == a.cmd.Attempt
}

// keepLease renews the account's lease until letGo is called. The context ends when
// the lease is another attempt's, or could not be renewed in time: then another one may
// work on the account.
func (r *Runner) keepLease(ctx context.Context, a *attempt) (leased context.Context, letGo func()) {
	leased, end := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		end(r.renew(leased, a))
	}()
	return leased, func() { end(nil); <-kept }
}

var errLeaseOver = errors.New("the lease of the account could not be renewed in time")

func (r *Runner) renew(ctx context.Context, a *attempt) error {
	over := time.NewTimer(leaseTime)
	defer over.Stop()
	for {
		select {
		case <-time.After(leaseRenewal):
		case <-over.C:
			return errLeaseOver
		case <-ctx.Done():
			return ctx.Err()
		}
		renewing, cancel := context.WithTimeout(ctx, leaseRenewal)
		err := r.Ledger.Update(renewing, a.cmd.Request, func(rec *ledger.Record) error {
			if rec.Lease.Token != a.token {
				return errOvertaken
			}
			rec.Lease.Until = r.Now().Add(leaseTime)
			return nil
		})
		cancel()
		switch {
		case err == nil:
			over.Reset(leaseTime)
		case errors.Is(err, errOvertaken):
			return err
		}
	}
}

// giveUp ends an attempt that was cut short and proves nothing; its message comes
// again. The account is free at once: a lease that could not be given back ends by itself.
func (r *Runner) giveUp(ctx context.Context, a *attempt, cause error, line *Line) queue.Outcome {
	err := r.Ledger.Update(ctx, a.cmd.Request, func(rec *ledger.Record) error {
		if rec.Lease.Token == a.token {
			rec.Lease = ledger.Lease{}
		}
		return nil
	})
	return line.abandoned(fault.Unreachable, errors.Join(cause, err))
}
