package fullsync_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// deliver runs one delivery, and keeps the checkpoint as the runner does.
func (b *bench) deliver(ctx context.Context) (step.Result, error) {
	h := fullsync.New(b.tenant, b.tenant, b.ledger, b.ledger, b.desk, func() time.Time { return now })
	res, err := h.Handle(ctx, b.task)
	if res.Checkpoint != nil {
		b.task.Step.Checkpoint = res.Checkpoint
	}
	return res, err
}

// parts delivers until the sync is over, with time for one call of the tenant each, and
// counts the deliveries.
func (b *bench) parts(t *testing.T) (n int, last step.Result) {
	t.Helper()
	before := b.tenant.Before
	b.tenant.Before = func(op string) error {
		time.Sleep(50 * time.Second)
		if before != nil {
			return before(op)
		}
		return nil
	}
	for n = 1; ; n++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		res, err := b.deliver(ctx)
		cancel()
		require.NoError(t, err)
		if !res.Again {
			return n, res
		}
		require.Less(t, n, 50)
	}
}

// somebody is a tenant of five people, the second of whom is gone and the third a stray.
func somebody(t *testing.T) *bench {
	b := setup(t)
	for _, name := range []string{"one", "two", "three", "four", "five"} {
		b.onboarded(t, name, func(a *account.Account) {
			if name == "two" {
				a.ObjectID = "nowhere"
			}
		})
	}
	b.tenant.Put(account.User{UserPrincipalName: "lost@contoso.onmicrosoft.com", Stamp: account.StampOf("req-lost")})
	return b
}

func (b *bench) lastRun(t *testing.T) ledger.SyncRun {
	t.Helper()
	runs, err := b.ledger.Runs(context.Background(), "tid", 1)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	return runs[0]
}

func TestEveryPartOfASyncCanBeItsOwnDelivery(t *testing.T) {
	var want ledger.SyncRun
	synctest.Test(t, func(t *testing.T) {
		b := somebody(t)
		_, err := b.deliver(context.Background())
		require.NoError(t, err)
		want = b.lastRun(t)
		require.Equal(t, []string{fullsync.AccountMissing, fullsync.AccountStray, fullsync.AccountStray}, slices.Sorted(slices.Values(kinds(want.Findings))))
	})
	synctest.Test(t, func(t *testing.T) {
		b := somebody(t)
		b.tenant.PageSize = 2
		calls := len(b.tenant.Calls())
		n, last := b.parts(t)
		assert.Equal(t, want, b.lastRun(t))
		assert.Equal(t, []string{
			"UserPage", "UserPage", "UserPage", "RoleAssignmentPage", "RoleAssignmentPage", "RoleAssignmentPage", "HoldersOf", "User", "User",
		}, b.tenant.Calls()[calls:], "each is asked once: the missing account, then the owner")
		assert.Equal(t, 10, n, "the last one compares")
		assert.NotContains(t, last.Detail, "begun again")
	})
}

func TestAnExpiredListing(t *testing.T) {
	// lose makes the n-th call of an operation, and so many after it, find its cursor forgotten.
	lose := func(b *bench, op string, n, times int) {
		calls := 0
		b.tenant.Before = func(asked string) error {
			if asked == op {
				if calls++; calls >= n && calls < n+times {
					return fault.Retry(fault.ListingExpired, 0, errors.New("forgotten"))
				}
			}
			return nil
		}
	}
	for _, op := range []string{"UserPage", "RoleAssignmentPage"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := somebody(t)
				b.tenant.PageSize = 2
				lose(b, op, 2, 1)
				_, last := b.parts(t)
				assert.Equal(t, 1, b.lastRun(t).Restarts)
				assert.Contains(t, last.Detail, "begun again")
				assert.Len(t, b.lastRun(t).Findings, 3)
				assert.Equal(t, 6, b.lastRun(t).Users)
			})
		})
	}
	t.Run("WhileReadingIsAFailure", func(t *testing.T) {
		b := somebody(t)
		b.tenant.PageSize = 2
		lose(b, "UserPage", 2, 1)
		_, err := b.deliver(context.Background())
		assert.Equal(t, fault.ListingExpired, fault.CodeOf(err))
		_, err = b.deliver(context.Background())
		require.NoError(t, err, "the next attempt reads on, or begins again")
	})
	t.Run("TwiceInARowIsAFailure", func(t *testing.T) {
		b := somebody(t)
		b.tenant.PageSize = 2
		lose(b, "UserPage", 2, 1000)
		for range 3 {
			_, err := b.deliver(context.Background())
			assert.Equal(t, fault.ListingExpired, fault.CodeOf(err))
		}
	})
}

// A sync that failed after it had stored its inventory must not compare the tenant with
// what it stored itself.
func TestTheBrakeHoldsInALaterAttempt(t *testing.T) {
	for name, forget := range map[string]bool{"GoesOn": false, "BeginsAnew": true} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.inventory(t, "sync-0", 100)
			b.onboarded(t, "old", func(a *account.Account) { a.ExpiresAt = now.Add(-time.Hour) })
			b.tenant.Before = func(op string) error {
				if op == "RoleAssignmentPage" {
					return errors.New("timeout")
				}
				return nil
			}
			_, err := b.deliver(context.Background())
			require.Error(t, err)
			b.tenant.Before = nil
			if forget {
				b.task.Step.Checkpoint = nil // it died before that was committed
			}
			_, err = b.deliver(context.Background())
			require.NoError(t, err)
			assert.Contains(t, b.lastRun(t).Withheld, "99 of 100 users")
			assert.Empty(t, b.desk.expired)
		})
	}
}

func TestACheckpointOfAnotherVersion(t *testing.T) {
	for _, odd := range []string{`{"StartedAt":7}`, `[]`, `null`, `{}`, `{"StartedAt":"2026-01-01T00:00:00Z","Users":{"Done":"yes"}}`} {
		b := somebody(t)
		b.task.Step.Checkpoint = []byte(odd)
		_, err := b.deliver(context.Background())
		require.NoError(t, err, odd)
		assert.Equal(t, 6, b.lastRun(t).Users, odd)
		assert.Equal(t, now, b.lastRun(t).StartedAt, odd)
	}
}
