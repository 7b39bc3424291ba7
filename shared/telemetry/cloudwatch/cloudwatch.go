// Package cloudwatch is what Usher counts, as lines of CloudWatch's embedded metric
// format (source: Amazon CloudWatch User Guide, "Embedded metric format
// specification"). AWS Lambda turns such lines on standard output into metrics, so that
// nothing has to be called, and no permission is needed.
package cloudwatch

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

// Namespace is where the metrics are found in CloudWatch.
const Namespace = "Usher"

// The names, which are those for Prometheus too. The dimensions of each are its labels there.
const (
	Deliveries = "usher_deliveries_total"         // function, outcome, fault_code
	WaitsLate  = "usher_waits_late_total"         // function
	Messages   = "usher_queue_messages"           // queue, state
	OldestDue  = "usher_queue_oldest_due_seconds" // queue
	SyncAge    = "usher_sync_age_seconds"         // tenant
	Unhealthy  = "usher_credentials_unhealthy"    // tenant
	none       = "none"
	other      = "other"
)

// Meter collects counts until they are flushed. It is safe for concurrent use.
type Meter struct {
	out io.Writer
	now func() time.Time

	mu      sync.Mutex
	samples map[string]*sample
	synced  map[string]time.Time
}

// dimension is a label of a metric.
type dimension struct{ name, value string }

// sample is one value to be told.
type sample struct {
	metric, unit string
	dimensions   []dimension
	value        float64
}

// New makes a meter that writes to out, which in Lambda must be standard output.
func New(out io.Writer, now func() time.Time) *Meter {
	return &Meter{out: out, now: now, samples: map[string]*sample{}, synced: map[string]time.Time{}}
}

// Delivered counts one delivery.
func (m *Meter) Delivered(l step.Line) {
	m.mu.Lock()
	defer m.mu.Unlock()
	function := dimension{"function", l.Function}
	m.at("Count", Deliveries, function, dimension{"outcome", l.Outcome}, dimension{"fault_code", known(l.FaultCode)}).value++
	late := m.at("Count", WaitsLate, function)
	if l.Late {
		late.value++
	}
}

// codes are the fault codes there are: a code from outside makes no new series.
var codes = sync.OnceValue(func() (all []string) {
	for _, m := range fault.Meanings() {
		all = append(all, string(m.Code))
	}
	return all
})

func known(code string) string {
	switch {
	case code == "":
		return none
	case slices.Contains(codes(), code):
		return code
	}
	return other
}

// Depth notes how deep a queue is.
func (m *Meter) Depth(name string, d queue.Depth) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for state, n := range map[string]int{"active": d.Active, "planned": d.Planned, "locked": d.Locked, "dead": d.Dead} {
		m.at("Count", Messages, dimension{"queue", name}, dimension{"state", state}).value = float64(n)
	}
	var waiting time.Duration
	if !d.Oldest.IsZero() {
		waiting = max(0, m.now().Sub(d.Oldest))
	}
	m.at("Seconds", OldestDue, dimension{"queue", name}).value = waiting.Seconds()
}

// Synced notes when the last full sync of a tenant, by alias, finished. The age is told
// with every flush from then on.
func (m *Meter) Synced(tenant string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.synced[tenant] = at
}

// Unhealthy notes how many credentials and consents of a tenant, by alias, are in trouble.
func (m *Meter) Unhealthy(tenant string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at("Count", Unhealthy, dimension{"tenant", tenant}).value = float64(n)
}

// at finds or makes the sample of a metric with these dimensions.
func (m *Meter) at(unit, metric string, dimensions ...dimension) *sample {
	key := fmt.Sprint(metric, dimensions)
	if m.samples[key] == nil {
		m.samples[key] = &sample{metric: metric, unit: unit, dimensions: dimensions}
	}
	return m.samples[key]
}

// Flush writes what was collected, one line for each metric and set of dimensions, and
// begins anew.
func (m *Meter) Flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for tenant, at := range m.synced {
		m.at("Seconds", SyncAge, dimension{"tenant", tenant}).value = max(0, now.Sub(at).Seconds())
	}
	var lines []byte
	for _, s := range m.samples {
		line, err := json.Marshal(s.document(now))
		if err != nil {
			return fmt.Errorf("write %s: %w", s.metric, err)
		}
		lines = append(append(lines, line...), '\n')
	}
	clear(m.samples)
	if _, err := m.out.Write(lines); err != nil {
		return fmt.Errorf("write the metrics: %w", err)
	}
	return nil
}

// document is a sample in the embedded metric format.
func (s *sample) document(now time.Time) map[string]any {
	names := make([]string, 0, len(s.dimensions))
	doc := map[string]any{s.metric: s.value}
	for _, d := range s.dimensions {
		names = append(names, d.name)
		doc[d.name] = d.value
	}
	doc["_aws"] = metadata{now.UnixMilli(), []directive{{Namespace, [][]string{names}, []definition{{s.metric, s.unit}}}}}
	return doc
}

type metadata struct {
	Timestamp         int64
	CloudWatchMetrics []directive
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct{ Name, Unit string }
