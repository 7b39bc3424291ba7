package host

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger"
)

const tenantID = "0550b473-9fd2-4dbb-a058-a1640b4bf458"

func engines(t *testing.T, c config.Config, path string) *Engines {
	t.Helper()
	if c.Data == "" {
		c.Data = t.TempDir()
	}
	e, err := Open(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler), Database: path})
	require.NoError(t, err)
	return e
}

// starter writes down when the sync was started.
type starter struct{ at []time.Time }

func (s *starter) Sync(context.Context, string, string) ([]account.Request, error) {
	s.at = append(s.at, time.Now().UTC())
	return nil, errors.New("a failure does not end the timer")
}

func TestNightly(t *testing.T) {
	for name, c := range map[string]struct {
		last time.Duration // before the start; zero is never
		want []string
	}{
		"FirstStart": {0, []string{"02:00", "02:00"}},
		"Regular":    {20 * time.Hour, []string{"02:00", "02:00"}},
		"Missed":     {30 * time.Hour, []string{"03:00", "02:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				start := 3 * time.Hour // the bubble begins at midnight
				if name != "Missed" {
					start = time.Hour
				}
				time.Sleep(start)
				e := engines(t, config.Config{Data: data, Sync: config.Sync{Schedule: config.DefaultSchedule}}, database.Memory)
				if c.last > 0 {
					run := ledger.SyncRun{RequestID: "rq", Tenant: tenantID, StartedAt: time.Now().Add(-c.last)}
					require.NoError(t, e.SyncRuns().SaveRun(t.Context(), run))
				}
				ctx, stop := context.WithTimeout(t.Context(), 26*time.Hour)
				defer stop()
				desk := &starter{}
				require.NoError(t, e.Nightly(ctx, desk))
				require.NoError(t, e.Close())
				var got []string
				for _, at := range desk.at {
					got = append(got, at.Format("15:04"))
				}
				assert.Equal(t, c.want, got)
			})
		})
	}
}

func TestOneProcessOneDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	e := engines(t, config.Config{}, path)
	_, err := Open(t.Context(), Options{Config: config.Config{Data: t.TempDir()}, Log: slog.New(slog.DiscardHandler), Database: path})
	require.ErrorIs(t, err, ledger.ErrLocked)
	assert.Contains(t, err.Error(), "usher serve")
	require.NoError(t, e.Close())
}

func TestOneCloud(t *testing.T) {
	c := config.Config{Data: t.TempDir(), Cloud: "public", Tenants: []account.Tenant{{Alias: "far", Cloud: "china"}}}
	_, err := Open(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	require.ErrorAs(t, err, &config.Problems{})
	assert.Contains(t, err.Error(), "one usher for each cloud")
}

func TestTenantsLearn(t *testing.T) {
	ts := NewTenants([]account.Tenant{{Alias: "a", ID: "1"}, {Alias: "b", ID: "2", Domains: []string{"b.example"}}})
	require.Len(t, ts.Unknown(), 1)
	ts.Learn("1", []string{"a.onmicrosoft.com"})
	assert.Empty(t, ts.Unknown())
	found, ok := ts.Find("1")
	assert.True(t, ok)
	assert.Equal(t, "a.onmicrosoft.com", found.InitialDomain())
	_, ok = ts.Find("3")
	assert.False(t, ok)
}
