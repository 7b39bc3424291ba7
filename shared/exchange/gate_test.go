package exchange_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/fault"
)

func paced(o *exchange.Options) { o.Now, o.Limits = time.Now, exchange.Limits{} }

func TestCallsToATenantArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, newService().on("Get-RoleGroup", ok(`[]`)), paced)
		start := time.Now()
		for range 4 {
			require.NoError(t, c.Reach(t.Context(), tenant))
		}
		assert.Zero(t, time.Since(start), "a burst after a rest")
		for range 3 {
			require.NoError(t, c.Reach(t.Context(), tenant))
		}
		assert.Equal(t, 3*time.Second, time.Since(start))
		require.NoError(t, c.Reach(t.Context(), "another"))
		assert.Equal(t, 3*time.Second, time.Since(start), "tenants do not slow each other")
	})
}

func TestALongQueueGoesBackToTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, newService().on("Get-RoleGroup", ok(`[]`)), paced)
		results := make(chan error, 30)
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() { results <- c.Reach(t.Context(), tenant) })
		}
		all.Wait()
		close(results)
		done, back := 0, 0
		for err := range results {
			if err == nil {
				done++
				continue
			}
			back++
			assert.Equal(t, fault.Waiting, fault.ClassOf(err))
			assert.True(t, fault.Is(err, fault.Throttled))
			assert.Greater(t, fault.RetryAfter(err), 5*time.Second)
		}
		assert.Equal(t, 9, done, "a burst of 4 and those within 5 seconds")
		assert.Equal(t, 21, back)
	})
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, newService().on("Get-RoleGroup", ok(`[]`)), paced)
		for range 4 {
			require.NoError(t, c.Reach(t.Context(), tenant))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := c.Reach(ctx, tenant)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.True(t, fault.Is(err, fault.Unreachable))
	})
}
