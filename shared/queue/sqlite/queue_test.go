package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
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

func openInMemory(tb testing.TB, s queuetest.Settings) queuetest.Harness {
	return open(tb, database.Memory, s).harness()
}

// engine is an open queue with its database.
type engine struct {
	tb       testing.TB
	db       *database.DB
	q        *Queue
	settings queuetest.Settings
}

func open(tb testing.TB, path string, s queuetest.Settings) *engine {
	db, err := database.Open(tb.Context(), database.Options{Path: path, Relaxed: true})
	require.NoError(tb, err)
	e := &engine{tb: tb, db: db, settings: s}
	e.q = e.newQueue()
	tb.Cleanup(e.close)
	return e
}

func (e *engine) newQueue() *Queue {
	quiet := func(Incident) {}
	q, err := New(e.tb.Context(), e.db, Options{DuplicateWindow: e.settings.DuplicateWindow, Observe: quiet})
	require.NoError(e.tb, err)
	e.tb.Cleanup(func() { require.NoError(e.tb, q.Close()) })
	return q
}

func (e *engine) close() {
	require.NoError(e.tb, e.q.Close())
	require.NoError(e.tb, e.db.Close())
}

func (e *engine) harness() queuetest.Harness {
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
func (e *engine) expireLocks() {
	err := e.db.Write(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE queue_messages SET visible_at = ? WHERE token <> ''`, e.q.millis())
		return err
	})
	require.NoError(e.tb, err)
	e.q.Wake()
}
