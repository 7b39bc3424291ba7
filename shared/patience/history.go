// Package patience decides how often to look whether an account has reached Exchange.
//
// Replication from Entra to Exchange usually takes minutes and is documented to take
// up to 24 hours. Looking every half hour is late; looking every second is a nuisance.
// A History remembers how long it took in each tenant and spreads the tries where they
// are worth most; a Room lets the accounts of one tenant that wait at the same time
// share their calls. Neither waits, reads a clock of its own or calls anything by
// itself: the pauses become delays of queue messages.
package patience

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/usher365/usher/shared/account"
)

const (
	// MinPause is the shortest pause between two tries, apart from the last one.
	MinPause = 2 * time.Second
	// MaxPause is the longest.
	MaxPause = 30 * time.Minute
	// Deadline is when waiting ends; the last try is LastTry before it.
	Deadline = 24 * time.Hour
	// LastTry is how long before the deadline the last try is made.
	LastTry = time.Minute
	// Remembered is how many observations of a tenant are kept, the newest.
	Remembered = 64
)

const (
	// opening is how long a place that was never observed is looked at every MinPause:
	// a laboratory replicates within seconds. Until openingEnd the pauses grow by a
	// quarter, for a small tenant on a quiet day takes a minute or two.
	opening    = 25 * time.Second
	openingEnd = 3 * time.Minute
	// strange is how many observations end the opening.
	strange = 3
	// borrowed is how much the observations of other tenants count in a tenant, in
	// observations of its own.
	borrowed = 6
	// maxOthers bounds how many observations of other tenants are looked at.
	maxOthers = 512
)

// History is what was observed of replication, per tenant. It is safe for concurrent
// use, and its JSON is small: keep it over restarts. The zero value is ready to use.
type History struct {
	mu sync.Mutex
	// tenants are how long accounts waited, the newest last.
	tenants map[account.TenantID][]time.Duration
	// curves are computed from the observations when asked for.
	curves map[account.TenantID]*curve
}

// Observe records that an account was known to Exchange after waiting this long.
// Less than a second says nothing (it was known before) and is ignored.
func (h *History) Observe(tenant account.TenantID, waited time.Duration) {
	if waited < time.Second {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tenants == nil {
		h.tenants = map[account.TenantID][]time.Duration{}
	}
	h.tenants[tenant] = lastOf(append(h.tenants[tenant], min(waited, Deadline)))
	h.curves = nil
}

func lastOf(all []time.Duration) []time.Duration {
	return slices.Clone(all[max(0, len(all)-Remembered):])
}

// Next is the pause until the next try of an account that has waited this long in
// vain; rnd is a random number in [0,1) that keeps accounts apart. An empty tenant
// asks for all tenants together. The attempt number is not needed: what counts is the
// time waited.
//
// The pause is between MinPause and MaxPause and grows with the time waited, except
// where observations say that now is the time. A try that would fall within MinPause of
// LastTry before the Deadline, or later, is made just then; after it the pause is
// MaxPause, for the runner's own deadline to end.
func (h *History) Next(tenant account.TenantID, waited time.Duration, _ int, rnd float64) time.Duration {
	waited = max(0, waited)
	left := Deadline - LastTry - waited
	if left <= 0 {
		return MaxPause
	}
	c := h.curve(tenant)
	pause := c.pause(waited, 0.9+0.2*min(max(rnd, 0), 1))
	switch strangers := c.observed < strange; {
	case strangers && waited < opening:
		pause = MinPause
	case strangers && waited < openingEnd:
		pause = min(pause, waited/4)
	}
	pause = min(max(pause, MinPause), MaxPause)
	if left < pause+MinPause {
		return left
	}
	return pause
}

// due is how many tries come due between the two times waited: a measure of how old
// what was seen at the first is at the second.
func (h *History) due(tenant account.TenantID, from, to time.Duration) float64 {
	c := h.curve(tenant)
	return c.triesBy(to) - c.triesBy(from)
}

// curve gives the tenant's curve, its own observations supplemented by the others'.
func (h *History) curve(tenant account.TenantID) *curve {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.curves[tenant]; c != nil {
		return c
	}
	own, others := h.tenants[tenant], h.others(tenant)
	weight := 1.0
	if tenant != "" && len(others) > borrowed {
		weight = borrowed / float64(len(others))
	}
	if h.curves == nil {
		h.curves = map[account.TenantID]*curve{}
	}
	h.curves[tenant] = newCurve(own, others, weight)
	return h.curves[tenant]
}

// others gives the newest observations of the other tenants, equally many of each, in
// a fixed order so that sums come out the same.
func (h *History) others(tenant account.TenantID) []time.Duration {
	each := max(1, maxOthers/max(1, len(h.tenants)))
	var all []time.Duration
	for _, t := range slices.Sorted(maps.Keys(h.tenants)) {
		if seen := h.tenants[t]; t != tenant {
			all = append(all, seen[max(0, len(seen)-each):]...)
		}
	}
	return all
}

// exported is the JSON of a History: seconds.
type exported struct {
	Version int                            `json:"version"`
	Tenants map[account.TenantID][]float64 `json:"tenants"`
}

// MarshalJSON writes the observations.
func (h *History) MarshalJSON() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := exported{Version: 1, Tenants: map[account.TenantID][]float64{}}
	for t, seen := range h.tenants {
		for _, waited := range seen {
			out.Tenants[t] = append(out.Tenants[t], waited.Round(time.Millisecond).Seconds())
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON replaces the observations. It refuses what MarshalJSON cannot have written.
func (h *History) UnmarshalJSON(b []byte) error {
	var in exported
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("read the history of waits: %w", err)
	}
	if in.Version != 1 {
		return fmt.Errorf("read the history of waits: version %d is not 1", in.Version)
	}
	tenants := map[account.TenantID][]time.Duration{}
	for t, all := range in.Tenants {
		for _, seconds := range all {
			if !(seconds >= 1 && seconds <= Deadline.Seconds()) {
				return fmt.Errorf("read the history of waits: %g s is not between 1 s and %s", seconds, Deadline)
			}
			tenants[t] = append(tenants[t], time.Duration(seconds*float64(time.Second)))
		}
		if len(tenants[t]) > 0 {
			tenants[t] = lastOf(tenants[t])
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tenants, h.curves = tenants, nil
	return nil
}
