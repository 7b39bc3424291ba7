package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/queuetest"
)

func TestEnqueueInTheCallersTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, database.Memory, queuetest.Settings{})
		seen := make(chan string, 10)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go e.q.Run(ctx, "a", queue.Options{}, func(_ context.Context, d queue.Delivery) queue.Outcome { // the engine's Close ends it
			seen <- d.ID
			return queue.Done()
		})
		rolledBack := errors.New("rolled back")
		send := func(id string, result error) error {
			return e.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
				return errors.Join(e.q.EnqueueTx(ctx, tx, "a", message(id)), result)
			})
		}
		require.ErrorIs(t, send("1", rolledBack), rolledBack)
		e.q.Wake()
		synctest.Wait()
		require.Empty(t, seen)
		require.NoError(t, send("1", nil), "the id was rolled back too")
		synctest.Wait()
		require.Empty(t, seen, "nobody was woken yet")
		e.q.Wake()
		require.Equal(t, "1", <-seen)
	})
}

func TestClosedQueueRefuses(t *testing.T) {
	e := open(t, database.Memory, queuetest.Settings{})
	running := make(chan error, 1)
	go func() { running <- e.q.Run(t.Context(), "a", queue.Options{}, nil) }()
	require.Eventually(t, func() bool {
		joined := 0
		e.q.consumers.Each(func(*consumer) { joined++ })
		return joined == 1
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, e.q.Close())
	require.NoError(t, <-running, "Close ends Run")
	require.ErrorIs(t, e.q.Enqueue(t.Context(), "a", message("1")), queue.ErrClosed)
	require.ErrorIs(t, e.q.Run(t.Context(), "a", queue.Options{}, nil), queue.ErrClosed)
}

func TestRunEndsWithTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, database.Memory, queuetest.Settings{})
		ended := make(chan error, 1)
		go func() { ended <- e.q.Run(t.Context(), "a", queue.Options{}, nil) }()
		synctest.Wait()
		require.NoError(t, e.db.Close())
		e.q.Wake()
		require.ErrorIs(t, <-ended, database.ErrClosed)
	})
}

func TestTroubleIsReportedAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, database.Memory, queuetest.Settings{})
		var incidents []queue.Incident
		e.q.observe = func(i queue.Incident) { incidents = append(incidents, i) }
		rename := func(from, to string) {
			require.NoError(t, e.db.Write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, "ALTER TABLE "+from+" RENAME TO "+to)
				return err
			}))
		}
		require.NoError(t, e.q.Enqueue(t.Context(), "a", message("1")))
		rename("queue_messages", "elsewhere")
		seen := make(chan string, 1)
		go e.q.Run(t.Context(), "a", queue.Options{}, func(_ context.Context, d queue.Delivery) queue.Outcome { // Close ends it
			seen <- d.ID
			return queue.Done()
		})
		time.Sleep(time.Minute)
		rename("elsewhere", "queue_messages")
		require.Equal(t, "1", <-seen)
		require.Len(t, incidents, 10, "after 100 ms, 200 ms, and so on")
		require.ErrorContains(t, incidents[0].Err, "no such table")
	})
}

func TestIncidents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, database.Memory, queuetest.Settings{})
		incidents := make(chan queue.Incident, 10)
		e.q.observe = func(i queue.Incident) { incidents <- i }
		begun := make(chan string, 10)
		go e.q.Run(t.Context(), "a", queue.Options{MaxDeliveries: 2}, func(ctx context.Context, d queue.Delivery) queue.Outcome { // Close ends it
			begun <- d.ID
			if d.Count == 1 {
				<-ctx.Done()
				assert.ErrorIs(t, context.Cause(ctx), queue.ErrLockLost)
				return queue.Done()
			}
			panic("boom")
		})
		require.NoError(t, e.q.Enqueue(t.Context(), "a", message("1")))
		<-begun
		e.expireLocks()
		lost := <-incidents
		assert.Equal(t, []any{"a", "1", 1}, []any{lost.Queue, lost.ID, lost.Count})
		assert.ErrorIs(t, lost.Err, queue.ErrLockLost)
		panicked := <-incidents
		assert.ErrorIs(t, panicked.Err, queue.ErrPanicked)
		assert.ErrorContains(t, panicked.Err, "boom")
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Warn("queue", "incident", lost)
		assert.Contains(t, log.String(), "incident.id=1")
	})
}

func TestForgottenIdsAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, database.Memory, queuetest.Settings{DuplicateWindow: time.Hour})
		var msgs []queue.Message
		for i := range sweepMost + 10 {
			msgs = append(msgs, queue.Message{ID: fmt.Sprint(i)})
		}
		require.NoError(t, e.q.Enqueue(t.Context(), "a", msgs...))
		for i, left := range []int{sweepMost + 11, 11 + 1, 2, 3} {
			if i == 1 {
				time.Sleep(time.Hour)
			}
			require.NoError(t, e.q.Enqueue(t.Context(), "a", queue.Message{ID: fmt.Sprint("new", i)}))
			require.Equal(t, left, e.count(t, "queue_seen"), "after step %d", i)
		}
	})
}

func (e *opened) count(t *testing.T, table string) (n int) {
	require.NoError(t, e.db.Read(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n)
	}))
	return n
}

func TestSameTimeIsOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, filepath.Join(t.TempDir(), "usher.db"), queuetest.Settings{})
		for i := range 20 {
			require.NoError(t, e.q.Enqueue(t.Context(), "a", queue.Message{ID: fmt.Sprint(i)}))
		}
		taken, err := e.q.take(t.Context(), "a", 20, queue.Options{Lock: time.Minute, MaxDeliveries: 1})
		require.NoError(t, err)
		for i, h := range taken {
			require.Equal(t, fmt.Sprint(i), h.ID)
		}
	})
}

func TestLockOfAFrozenHolderEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, database.Memory, queuetest.Settings{})
		o := queue.Options{Lock: time.Minute, MaxDeliveries: 10}
		require.NoError(t, e.q.Enqueue(t.Context(), "a", message("1")))
		frozen, err := e.q.take(t.Context(), "a", 1, o)
		require.NoError(t, err)
		require.Len(t, frozen, 1)
		time.Sleep(time.Minute - time.Millisecond)
		require.NoError(t, e.q.renew(t.Context(), frozen[0], time.Minute))
		time.Sleep(time.Minute)
		require.ErrorIs(t, e.q.settle(t.Context(), frozen[0], queue.Done(), o), queue.ErrLockLost, "over, though nobody took it yet")
		again, err := e.q.take(t.Context(), "a", 1, o)
		require.NoError(t, err)
		require.Equal(t, 2, again[0].Count)
	})
}
