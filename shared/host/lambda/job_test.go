package lambda

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEvents(t *testing.T) {
	at := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	for text, want := range map[string]job{
		`{"job":"drain"}`: {Job: jobDrain},
		`{}`:              {Job: jobDrain},
		`{"job":"probe"}`: {Job: jobProbe},
		`{"job":"full-sync","tenant":"*","scheduledTime":"2026-11-21T02:00:00Z","executionId":"e","attempt":"1"}`:              {Job: jobFullSync, Tenant: "*", ScheduledTime: at},
		`{"job":"full-sync","tenant":"contoso","scheduledTime":"<aws.scheduler.scheduled-time>"}`:                              {Job: jobFullSync, Tenant: "contoso"},
		`{"version":"0","source":"aws.scheduler","detail-type":"Scheduled Event","time":"2026-11-21T02:00:00Z","detail":"{}"}`: {Job: jobDrain, ScheduledTime: at},
		`{"source":"aws.scheduler","detail":""}`:                                                          {Job: jobDrain},
		`{"source":"aws.events","time":"2026-11-21T02:00:00Z","detail":{"job":"full-sync","tenant":"*"}}`: {Job: jobFullSync, Tenant: "*", ScheduledTime: at},
		`{"source":"aws.scheduler","detail":"{\"job\":\"full-sync\",\"tenant\":\"*\"}"}`:                  {Job: jobFullSync, Tenant: "*"},
	} {
		var got job
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, want, got, text)
	}
	for text, says := range map[string]string{
		`{"job":"full-synch","tenant":"*"}`: `there is no job "full-synch"`,
		`{"job":"probes"}`:                  `{"job": "probe"}`,
		`{"job":"full-sync"}`:               `needs a "tenant"`,
		`{"detail":"{"}`:                    "read the detail",
		`{"detail":{"job":"nap"}}`:          "there is no job",
		`{"detail":[1]}`:                    "read the detail",
		`[]`:                                "read the event",
		`{"version":"2.0","job":1,"rawPath":"/webhook"}`: "read the event",
	} {
		var got job
		require.ErrorContains(t, json.Unmarshal([]byte(text), &got), says, text)
	}
}

func TestTheNightOfASync(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 30, 0, 0, time.UTC)
	assert.Equal(t, "2026-11-22", job{}.date(now))
	assert.Equal(t, "2026-11-21", job{ScheduledTime: now.Add(-time.Hour)}.date(now), "a schedule that fires late is of the night it was meant for")
}

// FuzzJob finds no event that panics, and none that is taken for a job there is not.
func FuzzJob(f *testing.F) {
	f.Add([]byte(`{"job":"full-sync","tenant":"*","scheduledTime":"2026-11-21T02:00:00Z"}`))
	f.Add([]byte(`{"source":"aws.scheduler","detail":"{\"job\":\"drain\"}"}`))
	f.Add([]byte(`{"job":"probe"}`))
	f.Add([]byte(`{"detail":{"job":"full-sync","tenant":"a"},"time":"x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var j job
		if json.Unmarshal(text, &j) != nil || string(text) == "null" {
			return
		}
		if j.Job != jobDrain && j.Job != jobProbe && (j.Job != jobFullSync || j.Tenant == "") {
			t.Fatalf("%q was read as %+v", text, j)
		}
	})
}
