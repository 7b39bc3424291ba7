package postgrestest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestNoTestSeesAnother(t *testing.T) {
	for _, url := range []string{Database(t), Database(t), Schema(t), Schema(t)} {
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), "CREATE TABLE only_here (v TEXT)")
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
	}
}

// recorder is a test that says how it ended.
type recorder struct {
	testing.TB
	ended string
}

func (*recorder) Helper() {}

func (r *recorder) Skip(...any) { r.ended += "skipped" }

func (r *recorder) Fatal(...any) { r.ended += "failed" }

func TestWithoutPostgreSQL(t *testing.T) {
	for ci, want := range map[string]string{"true": "failed", "": "skipped"} {
		t.Setenv("CI", ci)
		r := &recorder{}
		missing(r)
		require.Equal(t, want, r.ended[:len(want)])
	}
}
