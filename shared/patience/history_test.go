package patience_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/quick"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/patience"
)

// histories are as different as they come.
func histories() map[string]*patience.History {
	all := map[string]*patience.History{"new": {}}
	for name, seconds := range map[string][]int{
		"laboratory": {20, 21, 20, 22}, "usual": {240, 480, 500, 900, 1300}, "slow": {80000, 86400}, "absurd": {-5, 0, 1, 1 << 40},
	} {
		h := &patience.History{}
		for _, s := range seconds {
			h.Observe(bench, time.Duration(min(s, 1<<30))*time.Second)
		}
		all[name] = h
	}
	return all
}

func TestNextKeepsItsBounds(t *testing.T) {
	for name, h := range histories() {
		t.Run(name, func(t *testing.T) {
			holds := func(waited int64, attempt int, rnd float64) bool {
				at := time.Duration(waited) % (25 * time.Hour)
				pause := h.Next(bench, at, attempt, rnd)
				again := h.Next(bench, at, attempt, rnd)
				last := patience.Deadline - patience.LastTry
				over := at+pause > last
				return pause == again && pause > 0 && pause <= patience.MaxPause+patience.MinPause &&
					(pause >= patience.MinPause || at+pause == last) && (!over || at >= last)
			}
			require.NoError(t, quick.Check(holds, &quick.Config{MaxCount: 3000}))
		})
	}
}

func TestEveryWaitEndsWithOneLastTry(t *testing.T) {
	for name, h := range histories() {
		var at time.Duration
		tries := 0
		for at < patience.Deadline-patience.LastTry {
			at += h.Next(bench, at, tries, 0.5)
			tries++
		}
		assert.Equal(t, patience.Deadline-patience.LastTry, at, name)
		assert.Less(t, tries, 120, name)
		assert.Equal(t, patience.MaxPause, h.Next(bench, at, tries, 0.5), name)
	}
}

func TestPausesGrowWithTheWait(t *testing.T) {
	h := &patience.History{}
	before := time.Duration(0)
	for _, at := range []time.Duration{0, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 10 * time.Hour} {
		pause := h.Next(bench, at, 0, 0.5)
		assert.GreaterOrEqual(t, pause, before, at)
		before = pause
	}
}

func TestALaboratoryIsSeenWithinSeconds(t *testing.T) {
	h := &patience.History{}
	for account := range 6 {
		var at time.Duration
		for at < 20*time.Second {
			at += h.Next(bench, at, 0, 0.5)
		}
		assert.LessOrEqual(t, at, 23*time.Second, "account %d", account)
		h.Observe(bench, at)
	}
}

func TestRandomnessKeepsAccountsApart(t *testing.T) {
	h := &patience.History{}
	early, late := h.Next(bench, 5*time.Minute, 0, 0), h.Next(bench, 5*time.Minute, 0, 0.999)
	assert.Greater(t, late-early, 5*time.Second)
}

func TestAnotherTenantProfitsButDoesNotForget(t *testing.T) {
	h := &patience.History{}
	for range patience.Remembered {
		h.Observe("slow", 3*time.Hour)
	}
	assert.Greater(t, h.Next("new", time.Second, 0, 0.5), 5*time.Second, "the opening is over")
	assert.Less(t, h.Next("new", 3*time.Hour, 0, 0.5), (&patience.History{}).Next("new", 3*time.Hour, 0, 0.5))

	for range patience.Remembered {
		h.Observe("fast", 20*time.Second)
	}
	assert.Less(t, h.Next("fast", 20*time.Second, 0, 0.5), h.Next("slow", 20*time.Second, 0, 0.5))
	all := h.Next("", 20*time.Second, 0, 0.5)
	assert.Positive(t, all)
}

func TestHistorySurvivesAsJSON(t *testing.T) {
	h := &patience.History{}
	for i := range 2 * patience.Remembered {
		h.Observe(bench, time.Duration(i+1)*1500*time.Millisecond)
		h.Observe("other", time.Duration(i+1)*time.Minute)
	}
	b, err := json.Marshal(h)
	require.NoError(t, err)
	assert.Less(t, len(b), 2000)

	var back patience.History
	require.NoError(t, json.Unmarshal(b, &back))
	again, err := json.Marshal(&back)
	require.NoError(t, err)
	assert.JSONEq(t, string(b), string(again))
	for _, at := range []time.Duration{0, time.Minute, time.Hour} {
		assert.Equal(t, h.Next(bench, at, 0, 0.3), back.Next(bench, at, 0, 0.3))
	}
}

func TestHistoryRefusesOtherJSON(t *testing.T) {
	for _, bad := range []string{
		`[]`, `{}`, `{"version":2}`, `{"version":1,"tenants":{"a":["x"]}}`,
		`{"version":1,"tenants":{"a":[0]}}`, `{"version":1,"tenants":{"a":[1e300]}}`, `{"version":1,"tenants":{"a":[-20]}}`,
	} {
		var h patience.History
		require.Error(t, json.Unmarshal([]byte(bad), &h), bad)
	}
}

func TestHistoryIsSafeForConcurrentUse(t *testing.T) {
	h := &patience.History{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			tenant := account.TenantID(fmt.Sprint(i % 3))
			for j := range 50 {
				h.Observe(tenant, time.Duration(j)*time.Minute)
				h.Next(tenant, time.Minute, j, 0.5)
				_, err := json.Marshal(h)
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
}

func FuzzHistory(f *testing.F) {
	f.Add([]byte(`{"version":1,"tenants":{"bench":[20,480,86400]}}`), int64(time.Minute))
	f.Add([]byte(`{"version":1,"tenants":{"bench":[1e400]}}`), int64(0))
	f.Add([]byte(`{"version":1,"tenants":null}`), int64(-1))
	f.Fuzz(func(t *testing.T, b []byte, waited int64) {
		var h patience.History
		if json.Unmarshal(b, &h) != nil {
			return
		}
		pause := h.Next(bench, time.Duration(waited), 1, 0.5)
		require.Positive(t, pause)
		require.LessOrEqual(t, pause, patience.MaxPause+patience.MinPause)
		once, err := json.Marshal(&h)
		require.NoError(t, err)
		var back patience.History
		require.NoError(t, json.Unmarshal(once, &back))
		twice, err := json.Marshal(&back)
		require.NoError(t, err)
		require.JSONEq(t, string(once), string(twice))
	})
}
