package patience_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/patience"
)

// eyes see what they are told to.
type eyes struct {
	visible map[string]bool
	asked   [][]account.Member
	err     error
	slow    time.Duration
}

func (e *eyes) Visible(_ context.Context, _ account.TenantID, members ...account.Member) (map[string]bool, error) {
	e.asked = append(e.asked, members)
	if e.slow > 0 {
		time.Sleep(e.slow) // in a synctest bubble only
	}
	seen := map[string]bool{}
	for _, m := range members {
		seen[m.ObjectID] = e.visible[m.ObjectID]
	}
	return seen, e.err
}

func person(n int) account.Member { return account.Member{ObjectID: fmt.Sprint("person-", n)} }

// visitors is a room with a clock in which n accounts have made their first try.
type visitors struct {
	*patience.Room
	t       *testing.T
	eyes    *eyes
	history *patience.History
	now     time.Time
}

func visitorsOf(t *testing.T, n int) *visitors {
	v := &visitors{t: t, eyes: &eyes{visible: map[string]bool{}}, history: &patience.History{},
		now: time.Date(2026, 2, 20, 7, 0, 0, 0, time.UTC)}
	v.Room = patience.NewRoom(v.eyes, v.history, func() time.Time { return v.now })
	for i := range n {
		require.True(t, v.try(i, 0), "the first try is real")
	}
	require.Empty(t, v.eyes.asked)
	return v
}

func (v *visitors) try(n int, waited time.Duration) bool {
	v.t.Helper()
	try, err := v.ShouldTry(v.t.Context(), bench, person(n), waited)
	require.NoError(v.t, err)
	return try
}

func (v *visitors) later(d time.Duration) { v.now = v.now.Add(d) }

func TestWhoWaitsAloneAlwaysTries(t *testing.T) {
	v := visitorsOf(t, 1)
	for i := range 20 {
		assert.True(t, v.try(0, time.Duration(i)*time.Minute))
	}
	assert.Empty(t, v.eyes.asked)
}

func TestOneLookAnswersForAllThatWait(t *testing.T) {
	v := visitorsOf(t, 5)
	v.eyes.visible["person-3"] = true
	v.later(5 * time.Minute)
	assert.False(t, v.try(0, 5*time.Minute))
	assert.False(t, v.try(1, 5*time.Minute))
	assert.True(t, v.try(3, 5*time.Minute), "seen: tried for real at once")
	require.Len(t, v.eyes.asked, 1)
	assert.Len(t, v.eyes.asked[0], 5)

	v.later(5 * time.Minute)
	assert.True(t, v.try(3, 10*time.Minute), "what was seen stays seen")
	require.Len(t, v.eyes.asked, 1)
	assert.False(t, v.try(2, 10*time.Minute))
	require.Len(t, v.eyes.asked, 2, "an old answer is asked again")
	assert.Len(t, v.eyes.asked[1], 4)
}

func TestNobodyStarvesByABlindLook(t *testing.T) {
	v := visitorsOf(t, 2)
	tries := 0
	for i := range 24 {
		v.later(time.Minute)
		if v.try(0, time.Duration(i+1)*time.Minute) {
			tries++
		}
	}
	assert.Equal(t, 4, tries, "every sixth try is real")
}

func TestALookThatMissesThoseThatAreThereIsNotBelieved(t *testing.T) {
	v := visitorsOf(t, 4)
	v.later(time.Minute)
	require.False(t, v.try(0, time.Minute))
	v.Known(bench, person(3), time.Minute) // it was there all the same
	v.later(3 * time.Minute)
	require.False(t, v.try(0, 4*time.Minute), "one miss may be a server behind the others")
	v.later(3 * time.Minute)
	assert.True(t, v.try(0, 7*time.Minute))
	looks := len(v.eyes.asked)
	assert.True(t, v.try(1, 7*time.Minute))
	assert.Len(t, v.eyes.asked, looks, "not asked any more")
	v.later(61 * time.Minute)
	assert.True(t, v.try(0, time.Hour+18*time.Minute), "forgotten meanwhile, so a first try")
	assert.True(t, v.try(1, time.Hour+18*time.Minute))
	v.later(10 * time.Minute)
	assert.False(t, v.try(0, time.Hour+28*time.Minute), "believed again")
}

func TestAFailedLookCostsNobodyHisTry(t *testing.T) {
	v := visitorsOf(t, 2)
	v.eyes.err = errors.New("503")
	v.later(time.Minute)
	try, err := v.ShouldTry(t.Context(), bench, person(0), time.Minute)
	assert.True(t, try)
	require.ErrorContains(t, err, "503")
}

func TestTheHistoryLearnsOnceAnAccount(t *testing.T) {
	v := visitorsOf(t, 2)
	for range 3 {
		v.Known(bench, person(0), 10*time.Minute)
	}
	v.Known(bench, account.Member{}, 10*time.Minute)
	want := &patience.History{}
	want.Observe(bench, 10*time.Minute)
	assert.Equal(t, want.Next(bench, 9*time.Minute, 0, 0.5), v.history.Next(bench, 9*time.Minute, 0, 0.5))
	assert.True(t, v.try(0, time.Minute), "who is known needs no look")
}

func TestWhoIsNotHeardOfIsNotAskedFor(t *testing.T) {
	v := visitorsOf(t, 3)
	v.later(patience.MaxPause)
	v.try(0, patience.MaxPause)
	v.try(1, patience.MaxPause)
	v.later(patience.MaxPause + time.Minute)
	v.try(0, time.Hour)
	require.Len(t, v.eyes.asked, 2)
	assert.Len(t, v.eyes.asked[1], 2)
}

func TestAccountsWithoutIDAndTenantsKeepApart(t *testing.T) {
	v := visitorsOf(t, 3)
	v.later(time.Minute)
	for range 3 {
		try, err := v.ShouldTry(t.Context(), bench, account.Member{UserPrincipalName: "a@b"}, time.Minute)
		require.NoError(t, err)
		assert.True(t, try)
		try, err = v.ShouldTry(t.Context(), "elsewhere", person(0), time.Minute)
		require.NoError(t, err)
		assert.True(t, try)
	}
	assert.Empty(t, v.eyes.asked)
}

func TestConcurrentVisitorsShareTheLookUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &eyes{visible: map[string]bool{}, slow: 2 * time.Second}
		room := patience.NewRoom(e, &patience.History{}, time.Now)
		all := func(waited time.Duration) (tries int) {
			var mu sync.Mutex
			var group sync.WaitGroup
			for i := range 20 {
				group.Go(func() {
					try, err := room.ShouldTry(t.Context(), bench, person(i), waited)
					assert.NoError(t, err)
					mu.Lock()
					defer mu.Unlock()
					if try {
						tries++
					}
				})
			}
			group.Wait()
			return tries
		}
		require.Equal(t, 20, all(0))
		time.Sleep(10 * time.Minute)
		assert.Zero(t, all(10*time.Minute))
		assert.Len(t, e.asked, 1)
	})
}

func TestWaitingForALookEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := patience.NewRoom(&eyes{slow: time.Minute}, &patience.History{}, time.Now)
		for i := range 2 {
			_, err := room.ShouldTry(t.Context(), bench, person(i), 0)
			require.NoError(t, err)
		}
		time.Sleep(10 * time.Minute)
		var looker sync.WaitGroup
		defer looker.Wait()
		looker.Go(func() {
			try, err := room.ShouldTry(t.Context(), bench, person(0), 10*time.Minute)
			assert.NoError(t, err)
			assert.False(t, try)
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		try, err := room.ShouldTry(ctx, bench, person(1), 10*time.Minute)
		assert.True(t, try)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
