package host_test

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
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/embedded"
	"github.com/usher365/usher/shared/ledger"
)

const tenantID = "0550b473-9fd2-4dbb-a058-a1640b4bf458"

func engines(t *testing.T, c config.Config, path string) *host.Engines {
	t.Helper()
	if c.Data == "" {
		c.Data = t.TempDir()
	}
	e, err := embedded.Open(t.Context(), host.Options{Config: c, Log: slog.New(slog.DiscardHandler)}, path)
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
	_, err := embedded.Open(t.Context(), host.Options{Config: config.Config{Data: t.TempDir()}, Log: slog.New(slog.DiscardHandler)}, path)
	require.ErrorIs(t, err, ledger.ErrLocked)
	assert.Contains(t, err.Error(), "usher serve")
	require.NoError(t, e.Close())
}

func TestOneCloud(t *testing.T) {
	c := config.Config{Data: t.TempDir(), Cloud: "public", Tenants: []account.Tenant{{Alias: "far", Cloud: "china"}}}
	_, err := embedded.Open(t.Context(), host.Options{Config: c, Log: slog.New(slog.DiscardHandler)}, "")
	require.ErrorAs(t, err, &config.Problems{})
	assert.Contains(t, err.Error(), "one usher for each cloud")
}

// What one process learned another recalls.
func TestDomainsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.db")
	c := config.Config{Tenants: []account.Tenant{{Alias: "contoso", ID: tenantID}, {Alias: "dark", ID: "dark"}}}
	e := engines(t, c, path)
	ask := func(_ context.Context, id account.TenantID) ([]account.Domain, error) {
		if id == "dark" {
			return nil, errors.New("no consent")
		}
		return []account.Domain{{Name: "contoso.com", Verified: true}, {Name: "contoso.onmicrosoft.com", Initial: true}, {Name: "unproven.example"}}, nil
	}
	require.ErrorContains(t, e.LearnDomains(t.Context(), ask), "dark")
	require.NoError(t, e.Close())

	e = engines(t, c, path)
	require.NoError(t, e.RecallDomains(t.Context()))
	known, _ := e.Tenants.Find(tenantID)
	assert.Equal(t, []string{"contoso.onmicrosoft.com", "contoso.com"}, known.Domains)
	assert.Len(t, e.Tenants.Unknown(), 1)
	require.NoError(t, e.Close())
}

// A night that two processes, or a schedule that fires twice, want to start is started once.
func TestANightIsStartedOnce(t *testing.T) {
	e := engines(t, config.Config{}, database.Memory)
	desk := &quiet{}
	for _, night := range []string{"2026-11-21", "2026-11-21", "2026-11-22"} {
		_, err := e.StartNight(t.Context(), desk, "", night)
		require.NoError(t, err)
	}
	assert.Equal(t, 2, desk.started)
	desk.fails = fault.Stopf(fault.SyncRunning, "still running")
	_, err := e.StartNight(t.Context(), desk, "", "2026-11-23")
	require.NoError(t, err, "it runs: that is what was wanted")
	desk.fails = errors.New("the ledger is away")
	for range 2 {
		_, err = e.StartNight(t.Context(), desk, "", "2026-11-24")
		require.Error(t, err, "and it may be tried again")
	}
	require.NoError(t, e.Close())
}

// quiet counts how often the sync was started.
type quiet struct {
	started int
	fails   error
}

func (q *quiet) Sync(context.Context, string, string) ([]account.Request, error) {
	q.started++
	return nil, q.fails
}

// A process that is told to stop at once has not failed.
func TestNightlyIsStoppedAtOnce(t *testing.T) {
	e := engines(t, config.Config{Sync: config.Sync{Schedule: config.DefaultSchedule}}, database.Memory)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, e.Nightly(ctx, &quiet{}))
	require.NoError(t, e.Close())
}
