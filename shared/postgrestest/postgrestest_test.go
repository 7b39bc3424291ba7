package postgrestest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	first, second := Database(t), Database(t)
	require.NotEqual(t, first, second)
	for _, url := range []string{first, second} {
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), "CREATE TABLE only_here (v TEXT)")
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
	}
}

func TestNewestRelease(t *testing.T) {
	require.Greater(t, release("/usr/lib/postgresql/15/bin/initdb"), release("/usr/lib/postgresql/9.6/bin/initdb"))
	require.Zero(t, release("/usr/lib/postgresql/new/bin/initdb"))
}
