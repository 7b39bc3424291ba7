package patience_test

import (
	"container/heap"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/patience"
)

// distribution gives the true replication delay of an account.
type distribution struct {
	name string
	draw func(*rand.Rand) time.Duration
}

func minutes(m float64) time.Duration { return time.Duration(m * float64(time.Minute)) }

func logNormal(r *rand.Rand) time.Duration { return minutes(8 * math.Exp(0.8*r.NormFloat64())) }

var distributions = []distribution{
	{"uniform 1-30 min", func(r *rand.Rand) time.Duration { return minutes(1 + 29*r.Float64()) }},
	{"log-normal 8 min", logNormal},
	{"tail to 24 h", func(r *rand.Rand) time.Duration {
		if r.Float64() < 0.9 {
			return logNormal(r)
		}
		return minutes(30 * math.Exp(r.Float64()*math.Log(47)))
	}},
}

// waiter is a wait policy under test.
type waiter interface {
	next(waited time.Duration, rnd float64) time.Duration
}

type fixed time.Duration

func (f fixed) next(time.Duration, float64) time.Duration { return time.Duration(f) }

// retryOnce tries once more, and gives up.
type retryOnce time.Duration

func (o retryOnce) next(waited time.Duration, _ float64) time.Duration {
	if waited == 0 {
		return time.Duration(o)
	}
	return patience.Deadline + 1
}

const bench = account.TenantID("bench")

type learned struct{ h *patience.History }

func (l learned) next(waited time.Duration, rnd float64) time.Duration {
	return l.h.Next(bench, waited, 0, rnd)
}

// report is what the accounts of a simulation met.
type report struct {
	accounts, never int
	calls           int
	wait, excess    time.Duration
	ratio           float64
}

// relative is the mean excess as a part of the mean delay.
func (r report) relative() float64 { return float64(r.excess) / float64(r.wait) }

// meanRatio is the mean over accounts of excess / delay.
func (r report) meanRatio() float64 { return r.ratio / float64(r.accounts-r.never) }
func (r report) meanCalls() float64 { return float64(r.calls) / float64(r.accounts) }
func (r report) meanExcess() time.Duration {
	return r.excess / time.Duration(max(1, r.accounts-r.never))
}

func (r *report) add(o report) {
	r.accounts += o.accounts
	r.never += o.never
	r.calls += o.calls
	r.wait += o.wait
	r.excess += o.excess
	r.ratio += o.ratio
}

func (r report) metrics(b *testing.B) {
	b.ReportMetric(0, "ns/op") // the simulation's own speed says nothing
	b.ReportMetric(r.meanExcess().Seconds(), "excess-s")
	b.ReportMetric(100*r.relative(), "excess-%")
	b.ReportMetric(100*r.meanRatio(), "mean-ratio-%")
	b.ReportMetric(r.meanCalls(), "calls")
	b.ReportMetric(100*float64(r.never)/float64(r.accounts), "never-%")
}

func (r *report) granted(truth, at time.Duration) {
	r.wait += truth
	r.excess += at - truth
	r.ratio += float64(at-truth) / float64(truth)
}

// alone runs accounts one after the other; observe hears when each was seen.
func alone(w waiter, d distribution, r *rand.Rand, accounts int, observe func(time.Duration)) report {
	var rep report
	for range accounts {
		rep.accounts++
		truth := d.draw(r)
		at := time.Duration(0)
		rep.calls++
		for at < truth && at <= patience.Deadline {
			if at += w.next(at, r.Float64()); at <= patience.Deadline {
				rep.calls++
			}
		}
		if at > patience.Deadline {
			rep.never++
			continue
		}
		rep.granted(truth, at)
		observe(at)
	}
	return rep
}

// together runs groups of accounts that start within a minute in one tenant and share
// a Room; every call of any kind is counted.
func together(h *patience.History, d distribution, r *rand.Rand, groups, size int) report {
	var rep report
	for range groups {
		runGroup(h, d, r, size, &rep)
	}
	return rep
}

func runGroup(h *patience.History, d distribution, r *rand.Rand, size int, rep *report) {
	world := &world{due: map[string]time.Time{}}
	room := patience.NewRoom(world, h, func() time.Time { return world.now })
	start := world.now
	for i := range size {
		id := fmt.Sprint(i)
		begins := start.Add(time.Duration(r.Float64() * float64(time.Minute)))
		truth := d.draw(r)
		world.due[id] = begins.Add(truth)
		heap.Push(&world.agenda, visit{id: id, at: begins, begins: begins, truth: truth})
		rep.accounts++
	}
	for world.agenda.Len() > 0 {
		v := heap.Pop(&world.agenda).(visit)
		world.now = v.at
		member, waited := account.Member{ObjectID: v.id}, v.at.Sub(v.begins)
		try, _ := room.ShouldTry(context.Background(), bench, member, waited)
		if try {
			world.calls++
			if !v.at.Before(world.due[v.id]) {
				room.Known(bench, member, waited)
				rep.granted(v.truth, waited)
				continue
			}
		}
		v.at = v.at.Add(h.Next(bench, waited, 0, r.Float64()))
		if v.at.Sub(v.begins) > patience.Deadline {
			rep.never++
			continue
		}
		heap.Push(&world.agenda, v)
	}
	rep.calls += world.calls
}

// world is the virtual tenant: it knows the truth and counts the calls.
type world struct {
	now    time.Time
	due    map[string]time.Time
	calls  int
	agenda agenda
}

func (w *world) Visible(_ context.Context, _ account.TenantID, members ...account.Member) (map[string]bool, error) {
	w.calls++
	seen := map[string]bool{}
	for _, m := range members {
		seen[m.ObjectID] = !w.now.Before(w.due[m.ObjectID])
	}
	return seen, nil
}

type visit struct {
	id         string
	at, begins time.Time
	truth      time.Duration
}

type agenda []visit

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(v any)        { *a = append(*a, v.(visit)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
