package postgres

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/postgrestest"
)

var ours = []string{"ledger/001_ledger.sql", "ledger/002_inventory_base.sql", "ledger/003_notices.sql", "outbox/001_outbox.sql"}

func TestMigrateChecksAppliesAndHasNothingMoreToDo(t *testing.T) {
	url := postgrestest.Schema(t)
	for _, step := range []struct {
		check bool
		want  []string
	}{{true, ours}, {true, ours}, {false, ours}, {true, nil}, {false, nil}} {
		names, err := Migrate(t.Context(), url, step.check)
		require.NoError(t, err)
		require.Equal(t, step.want, names)
	}
	accept(t, process(t, url, nil), "r1")
}

func TestManyProcessesMigrateAtOnce(t *testing.T) {
	url := postgrestest.Schema(t)
	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		applied []string
	)
	for range 8 {
		all.Go(func() {
			names, err := Migrate(t.Context(), url, false)
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			applied = append(applied, names...)
		})
	}
	all.Wait()
	require.Equal(t, ours, applied)
}

func TestMigrationIsAllOrNothing(t *testing.T) {
	url := postgrestest.Schema(t)
	execute(t, url, `CREATE TABLE outbox (of_somebody_else TEXT)`)
	_, err := Migrate(t.Context(), url, false)
	require.ErrorContains(t, err, "outbox/001_outbox.sql")
	names, err := Migrate(t.Context(), url, true)
	require.NoError(t, err)
	require.Equal(t, ours, names)
	execute(t, url, `DROP TABLE outbox`)
	names, err = Migrate(t.Context(), url, false)
	require.NoError(t, err)
	require.Equal(t, ours, names)
}

func TestOpenNamesTheMissingMigration(t *testing.T) {
	url := postgrestest.Schema(t)
	_, err := Open(t.Context(), Options{URL: url})
	require.ErrorContains(t, err, "lacks ledger/001_ledger.sql, ledger/002_inventory_base.sql, ledger/003_notices.sql, outbox/001_outbox.sql: run 'usher migrate'")
	require.True(t, fault.Is(err, fault.LedgerUnavailable))
	require.Equal(t, fault.Permanent, fault.ClassOf(err))
	migrated(t, url)
	execute(t, url, `DELETE FROM schema_versions WHERE component = 'outbox'`)
	_, err = Open(t.Context(), Options{URL: url})
	require.ErrorContains(t, err, "lacks outbox/001_outbox.sql:")
}

func TestDatabaseOfANewerVersionIsUsed(t *testing.T) {
	url := fresh(t)
	execute(t, url, `UPDATE schema_versions SET version = 99`)
	names, err := Migrate(t.Context(), url, false)
	require.NoError(t, err)
	require.Empty(t, names)
	accept(t, process(t, url, nil), "r1")
}
