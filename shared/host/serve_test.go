package host_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/host"
)

// What a commit left in the outbox is looked for at once and then every minute, whether
// or not that went well.
func TestTheOutboxIsSwept(t *testing.T) {
	data := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		inner := engines(t, config.Config{Data: data}, database.Memory)
		e, err := host.New(inner.Options, host.Stores{
			Queue: inner.Queue, Ledger: inner.Ledger, Close: inner.Close,
			Sweep: func(context.Context) error {
				at = append(at, time.Since(start))
				return errors.New("the queue is down")
			},
		})
		require.NoError(t, err)
		ctx, stop := context.WithTimeout(t.Context(), 150*time.Second)
		defer stop()
		require.NoError(t, e.Work(ctx))
		require.NoError(t, e.Close())
		assert.Equal(t, []time.Duration{0, time.Minute, 2 * time.Minute}, at)
	})
}
