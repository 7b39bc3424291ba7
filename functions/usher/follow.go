package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/usher/timeline"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// lookEvery is how often a followed request is looked at.
const lookEvery = 200 * time.Millisecond

// usually is how long Exchange takes as Microsoft documents it: the length of the wait's bar.
const usually = 30 * time.Minute

// follower shows a request until it is over, or until enough says so.
type follower struct {
	program *program
	api     *client
	// usual is how long a wait for Exchange usually takes here.
	usual time.Duration
	// enough ends the show early; nil never does.
	enough func(console.Request) bool
}

// show draws the request as it changes, and gives it as it was in the end.
func (f *follower) show(ctx context.Context, id string) (seen console.Request, err error) {
	screen := timeline.NewScreen(f.program.stdout)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		r, err := f.api.request(ctx, id)
		if err != nil {
			return seen, err
		}
		if err := f.draw(screen, seen, r); err != nil {
			return seen, err
		}
		seen = r
		if r.Over || r.State == account.Parked || f.enough != nil && f.enough(r) {
			return seen, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return seen, ctx.Err()
		}
	}
}

// draw shows the whole picture on a terminal, and what changed elsewhere.
func (f *follower) draw(screen *timeline.Screen, before, r console.Request) error {
	p := f.program
	if p.live {
		if out, ok := p.stdout.(*os.File); ok {
			p.measure(out)
		}
		lines := timeline.Draw(timeline.View{Request: r, Now: p.now(), Usual: f.usual}, p.look)
		if room := p.height - 1; room > 0 && len(lines) > room && !r.Over {
			// What has left the screen at its top cannot be drawn over.
			lines = lines[len(lines)-room:]
		}
		return screen.Show(lines)
	}
	for _, line := range timeline.Changes(before, r, p.now()) {
		if _, err := fmt.Fprintln(p.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// outcome turns the end of a request into the command's own end.
func outcome(r console.Request) error {
	switch r.State {
	case account.Succeeded:
		return nil
	case account.Refused:
		return failed(exitRefused, r.Fault.Remedy, "request %s was refused: %s", r.ID, r.Fault.Message)
	case account.Parked:
		return failed(exitWaiting, wayOn(r), "request %s waits for a person: %s", r.ID, r.Parked)
	case account.Cancelled:
		return failed(exitFailed, "", "request %s was cancelled: %s", r.ID, r.Cancelled)
	case account.Failed:
		return failed(exitFailed, r.Fault.Remedy, "request %s failed: %s", r.ID, r.Fault.Message)
	}
	return failed(exitWaiting, "'usher serve' goes on with it; 'usher status "+r.ID+" --watch' shows how it stands", "request %s still waits%s", r.ID, waitOf(r))
}

// wayOn says who may let a parked request go on, and how.
func wayOn(r console.Request) string {
	if p := r.Pending; p != nil && len(p.MayApprove) == 0 {
		return p.Why
	}
	return fmt.Sprintf("an approver other than the requester runs: usher approve %s; 'usher status %s' says who may, and how", r.ID, r.ID)
}

// waitOf says what a waiting request waits for.
func waitOf(r console.Request) string {
	for _, s := range r.Steps {
		if s.State.Finished() || s.NextTry.IsZero() {
			continue
		}
		what := ": " + s.Title + ", next try at " + s.NextTry.UTC().Format(time.RFC3339)
		if s.FaultCode == string(fault.ExchangeNotReplicated) {
			what += " (Exchange Online does not know the account yet)"
		}
		return what
	}
	return ""
}

// longWait is the pause after which a command that works in this process stops
// waiting for a request and leaves it to the next 'usher serve'.
const longWait = 2 * time.Minute

// waitsLong reports whether nothing will happen with the request for a long time.
func (p *program) waitsLong(r console.Request) bool {
	for _, s := range r.Steps {
		if !s.State.Finished() {
			return !s.NextTry.IsZero() && s.NextTry.Sub(p.now()) > longWait
		}
	}
	return false
}
