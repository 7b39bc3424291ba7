package host_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host"
)

// looker notes when which tenant is probed; that of the alias "ill" cannot be.
type looker struct {
	began time.Time
	seen  map[string][]time.Duration
}

func (l *looker) Probe(_ context.Context, t account.Tenant) (int, []string, error) {
	l.seen[t.Alias] = append(l.seen[t.Alias], time.Since(l.began))
	if t.Alias == "ill" {
		return 0, nil, errors.New("the ledger cannot be read")
	}
	return 1, []string{"the consent of x: away"}, nil
}

// gauge is what the meter was told.
type gauge struct {
	host.Meter
	unhealthy map[string]int
}

func (g gauge) Unhealthy(tenant string, n int) { g.unhealthy[tenant] = n }

func TestHourly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parts := []float64{0.5, 0.9, 0, 0.5}
		g := gauge{unhealthy: map[string]int{}}
		e := &host.Engines{
			Options: host.Options{Log: slog.New(slog.DiscardHandler), Meter: g, Random: func() float64 {
				part := parts[0]
				parts = append(parts[1:], part)
				return part
			}},
			Tenants: host.NewTenants([]account.Tenant{{ID: "1", Alias: "ill"}, {ID: "2", Alias: "contoso"}}),
		}
		assert.Equal(t, account.TenantID("1"), e.First())
		l := &looker{began: time.Now(), seen: map[string][]time.Duration{}}
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Hour)
		defer stop()
		assert.NoError(t, e.Hourly(ctx, l))
		want := []time.Duration{150 * time.Second, 150*time.Second + 59*time.Minute, 150*time.Second + 109*time.Minute, 150*time.Second + 164*time.Minute}
		assert.Equal(t, map[string][]time.Duration{"ill": want, "contoso": want}, l.seen, "one that fails does not keep the others from it")
		assert.Equal(t, map[string]int{"contoso": 1}, g.unhealthy, "what is not known is not told")
	})
}
