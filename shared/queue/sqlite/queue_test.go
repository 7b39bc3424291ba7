package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/queuetest"
)

func TestConformanceInMemory(t *testing.T) {
	queuetest.Run(t, queuetest.Features{Virtual: true}, openInMemory)
}

func TestConformanceOnDisk(t *testing.T) {
	queuetest.Run(t, queuetest.Features{Virtual: true}, func(tb testing.TB, s queuetest.Settings) queuetest.Harness {
		path := filepath.Join(tb.TempDir(), "usher.db")
		e := open(tb, path, s)
		h := e.harness()
		h.Reopen = func() queuetest.Engine {
			e.close()
			e = open(tb, path, s)
			return e.q
		}
		return h
	})
}

func TestTheSuiteNoticesARetryThatVanishes(t *testing.T) { queuetest.RunMutation(t, openInMemory) }

func openInMemory(tb testing.TB, s queuetest.Settings) queuetest.Harness {
	return open(tb, database.Memory, s).harness()
}

// opened is an open queue with its database.
type opened struct {
	tb       testing.TB
	db       *database.DB
	q        *Queue
	settings queuetest.Settings
}

func open(tb testing.TB, path string, s queuetest.Settings) *opened {
	db, err := database.Open(tb.Context(), database.Options{Path: path, Relaxed: true})
	require.NoError(tb, err)
	e := &opened{tb: tb, db: db, settings: s}
	e.q = e.newQueue()
	tb.Cleanup(e.close)
	return e
}

func (e *opened) newQueue() *Queue {
	quiet := func(queue.Incident) {}
	q, err := New(e.tb.Context(), e.db, Options{DuplicateWindow: e.settings.DuplicateWindow, Observe: quiet})
	require.NoError(e.tb, err)
	e.tb.Cleanup(func() { require.NoError(e.tb, q.Close()) })
	return q
}

func (e *opened) close() {
	require.NoError(e.tb, e.q.Close())
	require.NoError(e.tb, e.db.Close())
}

func (e *opened) harness() queuetest.Harness {
	return queuetest.Harness{
		Engine:      e.q,
		ExpireLocks: e.expireLocks,
		Crash: func() queuetest.Engine {
			e.q = e.newQueue()
			return e.q
		},
	}
}

// expireLocks does what time does to a holder that is frozen.
func (e *opened) expireLocks() {
	err := e.db.Write(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE queue_messages SET visible_at = ? WHERE token <> ''`, e.q.millis())
		return err
	})
	require.NoError(e.tb, err)
	e.q.Wake()
}
