package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// What a function with a queue can be told to do.
const (
	jobDrain    = "drain"
	jobFullSync = "full-sync"
	jobProbe    = "probe"
)

// everyTenant is how a schedule names them all.
const everyTenant = "*"

// job is an event of a function with a queue: the Input of a schedule, or a wake.
type job struct {
	Job string `json:"job"`
	// Tenant is the alias of the tenant to compare, * for all, of a full sync.
	Tenant string `json:"tenant"`
	// ScheduledTime is when the schedule meant to fire; zero for an order of a person.
	ScheduledTime time.Time `json:"-"`
}

// date names the night of a full sync.
func (j job) date(now time.Time) string {
	if !j.ScheduledTime.IsZero() {
		now = j.ScheduledTime
	}
	return now.UTC().Format(time.DateOnly)
}

// UnmarshalJSON reads {"job": …}, the Input of a schedule, and the envelope of one
// without an Input, whose detail is a string or an object. No job means drain.
func (j *job) UnmarshalJSON(text []byte) error {
	var e struct {
		Job           string
		Tenant        string
		ScheduledTime string
		Time          string
		Detail        json.RawMessage
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	*j = job{Job: e.Job, Tenant: e.Tenant}
	if detail := bytes.TrimSpace(e.Detail); len(detail) > 0 && j.Job == "" {
		inner, err := unquoted(detail)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(inner, &e); err != nil {
			return fmt.Errorf("read the detail of the event: %w", err)
		}
		j.Job, j.Tenant = e.Job, e.Tenant
	}
	for _, given := range []string{e.ScheduledTime, e.Time} {
		// What is not a time, such as a placeholder that nobody replaced, tells nothing.
		if at, err := time.Parse(time.RFC3339, given); err == nil && j.ScheduledTime.IsZero() {
			j.ScheduledTime = at
		}
	}
	if j.Job == "" {
		j.Job = jobDrain
	}
	return j.check()
}

func (j *job) check() error {
	switch {
	case j.Job != jobDrain && j.Job != jobFullSync && j.Job != jobProbe:
		return fmt.Errorf("there is no job %q; this function takes {%q: %q}, and fullsync {%q: %q, %q: %q} and {%q: %q} too",
			j.Job, "job", jobDrain, "job", jobFullSync, "tenant", everyTenant, "job", jobProbe)
	case j.Job == jobFullSync && j.Tenant == "":
		return errors.New(`a full sync needs a "tenant", an alias or "*" for all`)
	}
	return nil
}

// unquoted gives the document that a string holds; an object is one already.
func unquoted(detail []byte) ([]byte, error) {
	if detail[0] != '"' {
		return detail, nil
	}
	var text string
	if err := json.Unmarshal(detail, &text); err != nil {
		return nil, fmt.Errorf("read the detail of the event: %w", err)
	}
	if text == "" {
		text = "{}"
	}
	return []byte(text), nil
}
