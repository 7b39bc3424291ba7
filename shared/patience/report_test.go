package patience_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/patience"
)

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 365)) }

func ignore(time.Duration) {}

// taught has watched this many accounts, with no knowledge but its own tries.
func taught(d distribution, r *rand.Rand, observations int) *patience.History {
	h := &patience.History{}
	alone(learned{h}, d, r, observations, func(w time.Duration) { h.Observe(bench, w) })
	return h
}

// averaged is the report over many histories, each taught by its own luck.
func averaged(d distribution, observations, histories, accounts int) report {
	var sum report
	for seed := range histories {
		r := seeded(uint64(seed))
		sum.add(alone(learned{taught(d, r, observations)}, d, r, accounts, ignore))
	}
	return sum
}

// shared is the report over groups of accounts that wait together.
func shared(d distribution, size, accounts int) report {
	r := seeded(7)
	return together(taught(d, r, patience.Remembered), d, r, accounts/size, size)
}

// enough is how many observations the policy needs to meet its goal.
const enough = 20

func TestGoal(t *testing.T) {
	for _, d := range distributions {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			for _, observations := range []int{enough, patience.Remembered} {
				rep := averaged(d, observations, 12, 300)
				assert.LessOrEqual(t, rep.relative(), 0.07, "mean excess / mean delay, goal 10 %%")
				assert.LessOrEqual(t, rep.meanRatio(), 0.10, "mean of excess / delay")
				assert.LessOrEqual(t, rep.meanCalls(), 15.0)
				assert.Zero(t, rep.never)
			}
		})
	}
}

func TestGoalBeforeLearning(t *testing.T) {
	for _, d := range distributions {
		rep := averaged(d, 0, 4, 300)
		assert.LessOrEqual(t, rep.relative(), 0.10, d.name)
		assert.LessOrEqual(t, rep.meanCalls(), 32.0, "%s: the opening costs some more", d.name)
		assert.LessOrEqual(t, averaged(d, 3, 10, 150).meanCalls(), 16.0, "%s: it ends with three observations", d.name)
	}
}

func TestTogetherTakesFewerCallsAndIsNotLate(t *testing.T) {
	for _, d := range distributions {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			one, ten, fifty := shared(d, 1, 300), shared(d, 10, 600), shared(d, 50, 600)
			assert.Less(t, ten.meanCalls(), 0.75*one.meanCalls())
			assert.Less(t, fifty.meanCalls(), 0.5*one.meanCalls())
			for _, rep := range []report{ten, fifty} {
				assert.LessOrEqual(t, rep.relative(), 0.08)
				assert.LessOrEqual(t, rep.meanRatio(), 0.12)
				assert.Zero(t, rep.never)
			}
		})
	}
}

// TestATenantThatChangesIsLearnedAnew teaches slow replication, then meets fast.
func TestATenantThatChangesIsLearnedAnew(t *testing.T) {
	r := seeded(3)
	slow := distribution{"slow", func(r *rand.Rand) time.Duration { return minutes(60 + 60*r.Float64()) }}
	fast := distribution{"fast", func(r *rand.Rand) time.Duration { return minutes(2 + 2*r.Float64()) }}
	h := taught(slow, r, patience.Remembered)
	alone(learned{h}, fast, r, patience.Remembered, func(w time.Duration) { h.Observe(bench, w) })
	rep := alone(learned{h}, fast, r, 500, ignore)
	assert.LessOrEqual(t, rep.meanRatio(), 0.10)
	assert.LessOrEqual(t, rep.meanCalls(), 15.0)
}

// BenchmarkWaiting is the simulation of waiting for replication: the learned policy
// beside a fixed pause of 30 minutes and one retry after 15 minutes. It reports mean
// figures per account; excess is the time from the true moment until the account is seen.
func BenchmarkWaiting(b *testing.B) {
	const accounts = 5000
	for _, d := range distributions {
		for _, p := range []struct {
			name string
			run  func() report
		}{
			{"fixed-30m", func() report { return alone(fixed(30*time.Minute), d, seeded(1), accounts, ignore) }},
			{"once-at-15m", func() report { return alone(retryOnce(15*time.Minute), d, seeded(1), accounts, ignore) }},
			{"unlearned", func() report { return averaged(d, 0, 10, accounts/10) }},
			{"learned-3", func() report { return averaged(d, 3, 20, accounts/20) }},
			{fmt.Sprintf("learned-%d", enough), func() report { return averaged(d, enough, 20, accounts/20) }},
			{fmt.Sprintf("learned-%d", patience.Remembered), func() report { return averaged(d, patience.Remembered, 20, accounts/20) }},
			{"together-2", func() report { return shared(d, 2, accounts) }},
			{"together-10", func() report { return shared(d, 10, accounts) }},
			{"together-50", func() report { return shared(d, 50, accounts) }},
		} {
			b.Run(d.name+"/"+p.name, func(b *testing.B) {
				var rep report
				for b.Loop() {
					rep = p.run()
				}
				rep.metrics(b)
			})
		}
	}
}
