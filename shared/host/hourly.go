package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usher365/usher/shared/account"
)

// The rhythm of the probe. What is wrong is told within the hour; two processes that were
// started together, or many tenants' worth of Ushers, do not ask at the same moment.
const (
	firstProbe     = 5 * time.Minute
	probesApart    = 50 * time.Minute
	probesJitter   = 10 * time.Minute
	longestProbing = 5 * time.Minute
)

// Prober looks whether our credentials and the consents of a tenant are still good, and
// tells whoever should know.
type Prober interface {
	// Probe gives how many are not, and in words what could not be seen.
	Probe(ctx context.Context, t account.Tenant) (unhealthy int, unknown []string, err error)
}

// Hourly probes every tenant, within minutes of the start and then each hour, until ctx ends.
func (e *Engines) Hourly(ctx context.Context, p Prober) error {
	wait := e.part(firstProbe)
	for {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		if err := e.ProbeAll(ctx, p); err != nil && ctx.Err() == nil {
			e.Log.ErrorContext(ctx, "the health of credentials could not be seen everywhere; the next hour tries again", "error", err)
		}
		wait = probesApart + e.part(probesJitter)
	}
}

// part is a random part of a time.
func (e *Engines) part(of time.Duration) time.Duration {
	return time.Duration(e.Random() * float64(of))
}

// ProbeAll probes every tenant once. One that cannot be probed does not keep the others
// from it; their errors are returned together.
func (e *Engines) ProbeAll(ctx context.Context, p Prober) error {
	var failures []error
	for _, t := range e.Tenants.All() {
		limited, cancel := context.WithTimeout(ctx, longestProbing)
		unhealthy, unknown, err := p.Probe(limited, t)
		cancel()
		if err != nil {
			failures = append(failures, fmt.Errorf("probe tenant %s: %w", t.Alias, err))
			continue
		}
		e.Meter.Unhealthy(t.Alias, unhealthy)
		for _, what := range unknown {
			e.Log.WarnContext(ctx, "not known now; the next hour tries again", "tenant", t.Alias, "what", what)
		}
	}
	return errors.Join(failures...)
}

// First is the tenant that is configured first; empty when there is none. What is told
// once for all tenants is told under it.
func (e *Engines) First() account.TenantID {
	for _, t := range e.Tenants.All() {
		return t.ID
	}
	return ""
}
