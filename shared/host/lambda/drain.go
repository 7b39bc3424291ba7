package lambda

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// drainer drains a queue.
type drainer struct {
	*machine
	consumer *opened[Consumer]
}

// Report is the answer to an event.
type Report struct {
	Queue string `json:"queue"`
	// Deliveries is how many were handled.
	Deliveries int64 `json:"deliveries"`
	// Active and Planned are what is left in the queue: due now, and later.
	Active  int `json:"active"`
	Planned int `json:"planned"`
	// Dead is how many were put aside for a person.
	Dead int `json:"dead"`
	// Started are the requests of a full sync.
	Started []string `json:"started,omitempty"`
}

func (d *drainer) handle(ctx context.Context, j job) (Report, error) {
	report := Report{Queue: d.function}
	consumer, err := d.consumer.get(ctx)
	if err != nil {
		return report, fmt.Errorf("%s cannot be opened; the next event tries again: %w", d.function, err)
	}
	p := d.running()
	d.wakes.work(d.function)
	defer d.wakes.settle()
	var failed error
	switch j.Job {
	case jobFullSync:
		report.Started, failed = startSync(ctx, p, consumer.Desk, j)
	case jobProbe:
		failed = probe(ctx, p, consumer.Prober)
	}
	err = d.drain(ctx, p, consumer, &report)
	return report, errors.Join(failed, err, d.tell(ctx, p, consumer, &report))
}

// drain sends what the outbox holds, and works on the queue.
func (d *drainer) drain(ctx context.Context, p *Process, c Consumer, report *Report) error {
	if err := p.Sweep(ctx); err != nil {
		p.Log.WarnContext(ctx, "messages stay in the outbox; the next drain sends them", "error", err)
	}
	if c.Begin != nil {
		if err := c.Begin(ctx); err != nil {
			p.Log.WarnContext(ctx, "not everything is known; the next drain tries again", "error", err)
		}
	}
	poll, err := d.poll()
	if err != nil {
		return err
	}
	s := shift{queue: p.Queue, name: d.function, consumer: c, now: p.Now}
	err = s.work(ctx, poll)
	report.Deliveries = s.deliveries.Load()
	return err
}

// poll is how long the setting says to listen at least; zero when it says nothing.
func (d *drainer) poll() (time.Duration, error) {
	given, _ := d.env("USHER_DRAIN_POLL")
	if given == "" {
		return 0, nil
	}
	poll, err := time.ParseDuration(given)
	if err != nil || poll < 0 {
		return 0, fmt.Errorf("USHER_DRAIN_POLL is %q; it is a time such as 50s", given)
	}
	return poll, nil
}

// toTell bounds what is asked for the metrics.
const toTell = 5 * time.Second

// tell writes the metrics: what was delivered, what is left, and how old syncs are.
// What cannot be found out is missed by whoever watches; the work is done all the same.
func (d *drainer) tell(ctx context.Context, p *Process, c Consumer, report *Report) error {
	ctx, cancel := context.WithTimeout(ctx, toTell)
	defer cancel()
	depth, err := p.Queue.Depth(ctx, d.function)
	if err == nil {
		d.meter.Depth(d.function, depth)
		report.Active, report.Planned, report.Dead = depth.Active, depth.Planned, depth.Dead
	}
	if c.Desk != nil {
		err = errors.Join(err, p.RecallSyncs(ctx))
	}
	if err != nil {
		p.Log.WarnContext(ctx, "metrics are missing", "error", err)
	}
	return d.meter.Flush()
}
