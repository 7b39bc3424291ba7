package cloudwatch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/telemetry/cloudwatch"
)

var now = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

// series reads lines as CloudWatch does: the dimensions and the value that the directive names.
func series(t *testing.T, text string) (all []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		var doc map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &doc))
		var meta struct {
			AWS struct {
				Timestamp         int64
				CloudWatchMetrics []struct {
					Namespace  string
					Dimensions [][]string
					Metrics    []struct{ Name, Unit string }
				}
			} `json:"_aws"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &meta))
		assert.Equal(t, now.UnixMilli(), meta.AWS.Timestamp)
		require.Len(t, meta.AWS.CloudWatchMetrics, 1)
		d := meta.AWS.CloudWatchMetrics[0]
		assert.Equal(t, "Usher", d.Namespace)
		require.Len(t, d.Dimensions, 1)
		require.Len(t, d.Metrics, 1)
		var labels []string
		for _, name := range d.Dimensions[0] {
			labels = append(labels, fmt.Sprintf("%s=%s", name, doc[name]))
		}
		all = append(all, fmt.Sprintf("%s{%s} %v %s", d.Metrics[0].Name, strings.Join(labels, ","), doc[d.Metrics[0].Name], d.Metrics[0].Unit))
		assert.Len(t, doc, 2+len(labels), "nothing but what is told")
	}
	slices.Sort(all)
	return all
}

func TestWhatIsTold(t *testing.T) {
	var out bytes.Buffer
	m := cloudwatch.New(&out, func() time.Time { return now })
	m.Delivered(step.Line{Function: "create", Outcome: "done"})
	m.Delivered(step.Line{Function: "create", Outcome: "done"})
	m.Delivered(step.Line{Function: "create", Outcome: "waiting", FaultCode: "exchange-not-replicated", Late: true})
	m.Delivered(step.Line{Function: "create", Outcome: "waiting", FaultCode: "from outside"})
	m.Depth("create", queue.Depth{Active: 1, Dead: 2, Oldest: now.Add(-90 * time.Second)})
	m.Depth("notify", queue.Depth{Planned: 3, Oldest: now.Add(time.Minute)})
	m.Synced("contoso", now.Add(-time.Hour))
	m.Unhealthy("contoso", 2)
	require.NoError(t, m.Flush())
	assert.Equal(t, []string{
		`usher_credentials_unhealthy{tenant=contoso} 2 Count`,
		`usher_deliveries_total{function=create,outcome=done,fault_code=none} 2 Count`,
		`usher_deliveries_total{function=create,outcome=waiting,fault_code=exchange-not-replicated} 1 Count`,
		`usher_deliveries_total{function=create,outcome=waiting,fault_code=other} 1 Count`,
		`usher_queue_messages{queue=create,state=active} 1 Count`,
		`usher_queue_messages{queue=create,state=dead} 2 Count`,
		`usher_queue_messages{queue=create,state=locked} 0 Count`,
		`usher_queue_messages{queue=create,state=planned} 0 Count`,
		`usher_queue_messages{queue=notify,state=active} 0 Count`,
		`usher_queue_messages{queue=notify,state=dead} 0 Count`,
		`usher_queue_messages{queue=notify,state=locked} 0 Count`,
		`usher_queue_messages{queue=notify,state=planned} 3 Count`,
		`usher_queue_oldest_due_seconds{queue=create} 90 Seconds`,
		`usher_queue_oldest_due_seconds{queue=notify} 0 Seconds`,
		`usher_sync_age_seconds{tenant=contoso} 3600 Seconds`,
		`usher_waits_late_total{function=create} 1 Count`,
	}, series(t, out.String()))
	out.Reset()
	require.NoError(t, m.Flush())
	assert.Equal(t, []string{`usher_sync_age_seconds{tenant=contoso} 3600 Seconds`}, series(t, out.String()), "a count is told once, an age each time")
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestFlushFails(t *testing.T) {
	m := cloudwatch.New(broken{}, func() time.Time { return now })
	m.Synced("contoso", now)
	require.ErrorContains(t, m.Flush(), "no room")
}
