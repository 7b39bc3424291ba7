package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/usher365/usher/shared/queue"
)

// depthTimeout bounds a look at a queue, so that a scrape always ends.
const depthTimeout = 5 * time.Second

var (
	depthDesc  = prometheus.NewDesc("usher_queue_messages", "Messages in a queue, by state.", []string{"queue", "state"}, nil)
	oldestDesc = prometheus.NewDesc("usher_queue_oldest_due_seconds", "How long the oldest due message of a queue has been waiting for a worker.", []string{"queue"}, nil)
	syncDesc   = prometheus.NewDesc("usher_sync_age_seconds", "Seconds since the last finished full sync of a tenant.", []string{"tenant"}, nil)
)

// depths asks the queues at each scrape.
type depths struct {
	names []string
	depth func(context.Context, string) (queue.Depth, error)
	now   func() time.Time
}

// Describe names the metrics of a queue.
func (d depths) Describe(out chan<- *prometheus.Desc) {
	out <- depthDesc
	out <- oldestDesc
}

// Collect reads every queue; one that cannot be read is counted by the handler as an error.
func (d depths) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), depthTimeout)
	defer cancel()
	for _, name := range d.names {
		depth, err := d.depth(ctx, name)
		if err != nil {
			out <- prometheus.NewInvalidMetric(depthDesc, err)
			continue
		}
		for state, n := range map[string]int{"active": depth.Active, "planned": depth.Planned, "locked": depth.Locked, "dead": depth.Dead} {
			out <- prometheus.MustNewConstMetric(depthDesc, prometheus.GaugeValue, float64(n), name, state)
		}
		var waiting time.Duration
		if !depth.Oldest.IsZero() {
			waiting = max(0, d.now().Sub(depth.Oldest))
		}
		out <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, waiting.Seconds(), name)
	}
}

// syncAge computes ages at each scrape.
type syncAge struct{ m *Metrics }

// Describe names the metric of a tenant.
func (s syncAge) Describe(out chan<- *prometheus.Desc) { out <- syncDesc }

// Collect gives the age of each tenant's last sync.
func (s syncAge) Collect(out chan<- prometheus.Metric) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	for tenant, at := range s.m.synced {
		out <- prometheus.MustNewConstMetric(syncDesc, prometheus.GaugeValue, s.m.now().Sub(at).Seconds(), tenant)
	}
}
