package step_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

// slow is a rig whose handler takes time, in the virtual time of its bubble.
func slow(t *testing.T, work func(ctx context.Context, r *rig) error) *rig {
	r := setup(t)
	r.runner.Now = time.Now
	step.Handle(r.runner, events.Create, step.Policy{MaxFailures: 3}, func(ctx context.Context, _ step.Task[args]) (step.Result, error) {
		return step.Result{}, work(ctx, r)
	})
	return r
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A lease ends soon after its holder, and not before.
func TestALeaseIsRenewedWhileTheHandlerWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := slow(t, func(ctx context.Context, r *rig) error {
			for range 10 {
				if err := sleep(ctx, 11*time.Second); err != nil {
					return err
				}
				synctest.Wait()
				left := time.Until(r.record().Lease.Until)
				assert.Greater(t, left, 15*time.Second)
				assert.LessOrEqual(t, left, 30*time.Second)
			}
			return nil
		})
		assert.Equal(t, queue.Complete, r.deliver(r.first()).Verb)
		assert.Equal(t, account.StepDone, r.record().Request.Steps[0].State)
		assert.Empty(t, r.record().Lease)
	})
}

// Whoever was frozen and finds that another works on the account stops at once.
func TestAHandlerEndsWithItsLease(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*rig)
		after time.Duration
	}{
		"taken over":  {func(r *rig) { r.lease(ledger.Lease{Token: "other", Until: time.Now().Add(time.Hour)}) }, 10 * time.Second},
		"ledger away": {func(r *rig) { r.lose(context.DeadlineExceeded) }, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := slow(t, func(ctx context.Context, r *rig) error {
					c.spoil(r)
					began := time.Now()
					err := sleep(ctx, time.Minute)
					assert.Error(t, err)
					assert.Equal(t, c.after, time.Since(began))
					return err
				})
				assert.Equal(t, queue.Retry, r.deliver(r.first()).Verb)
				assert.Equal(t, account.StepRunning, r.record().Request.Steps[0].State)
			})
		})
	}
}
