package longsync

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/tenantfake"
)

// undisturbed is what one delivery leaves that has all the time it wants.
func undisturbed(t *testing.T) (l left) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		assert.Equal(t, queue.Complete, s.deliver(s.order("sync"), 0).Verb)
		assert.Equal(t, pages, s.pagesRead())
		assert.Zero(t, s.step("sync").Continued)
		l = s.left("sync")
	})
	kinds := map[string]int{}
	for _, f := range l.Run.Findings {
		kinds[f.Kind]++
	}
	require.Equal(t, map[string]int{
		fullsync.AccountMissing: 1, fullsync.AccountDisabled: 1, fullsync.RoleMissing: 1, fullsync.AccountExpired: 1,
	}, kinds)
	require.Equal(t, 99, l.Run.Users)
	require.Len(t, l.Inventory, 99)
	require.Equal(t, []string{"old"}, l.Expired)
	return l
}

// A sync in parts, whatever happens between and in them, leaves what one delivery does.
func TestASyncInPartsLeavesTheSame(t *testing.T) {
	want := undisturbed(t)
	for name, play := range map[string]func(*scene, queue.Message){
		"one part after another": func(s *scene, m queue.Message) {
			assert.Equal(s, pages/2+1, s.toTheEnd(m))
			assert.Equal(s, pages, s.pagesRead(), "no page is read twice")
			for _, l := range s.lines {
				assert.Empty(s, l.Fault)
				assert.LessOrEqual(s, l.Duration, allowed)
			}
		},
		"the process dies between two pages": func(s *scene, m queue.Message) {
			for _, after := range []time.Duration{time.Second, pageTakes + time.Second} {
				m = s.next(m)
				assert.Equal(s, queue.Abandon, s.die(m, after).Verb)
			}
			s.toTheEnd(m)
		},
		"it dies between the commit and the send": func(s *scene, m queue.Message) {
			for range 3 {
				s.next(m) // is never sent
				m = s.next(m)
			}
			s.toTheEnd(m)
			assert.Equal(s, pages, s.pagesRead(), "what was committed is not read again")
		},
		"old messages come again": func(s *scene, m queue.Message) {
			var old []queue.Message
			for range 4 {
				old = append(old, m)
				m = s.next(m)
				for _, o := range old[:len(old)-1] {
					assert.Equal(s, queue.Complete, s.deliver(o, allowed).Verb)
				}
			}
			s.toTheEnd(m)
			for _, o := range append(old, m) {
				assert.Equal(s, queue.Complete, s.deliver(o, allowed).Verb)
			}
			assert.Equal(s, pages, s.pagesRead())
		},
		"the time of one part is over in the middle of a page": func(s *scene, m queue.Message) {
			m = s.next(m)
			assert.Equal(s, queue.Abandon, s.deliver(m, pageTakes/2).Verb, "it comes again, and nothing is lost")
			s.toTheEnd(m)
		},
		"a part fails": func(s *scene, m queue.Message) {
			m = s.next(m)
			s.server.Fault(tenantfake.Fault{Method: http.MethodGet, Path: "/users", Skip: 1, Decision: tenantfake.Decision{
				Kind: tenantfake.Throttled, RetryAfter: 5 * time.Minute,
			}})
			s.toTheEnd(m)
			assert.Equal(s, pages+1, s.pagesRead(), "what was read before it is kept")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t)
				play(s, s.order("sync"))
				assert.Equal(t, want, s.left("sync"))
				assert.Equal(t, 99, s.rows(), "nothing is left over")
				assert.Empty(t, s.step("sync").Checkpoint)
			})
		})
	}
}

// die delivers a message to a process that dies after a while.
func (s *scene) die(m queue.Message, after time.Duration) queue.Outcome {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	time.AfterFunc(after, cancel)
	return s.runner.Deliver(ctx, queue.Delivery{Message: m, Queue: "fullsync", Count: 1})
}

func TestWhatIsKeptBetweenTheParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		m := s.order("sync")
		size := len(m.Body)
		for range 3 {
			m = s.next(m)
		}
		st := s.step("sync")
		assert.Equal(t, "sync/fullsync/4", m.ID)
		assert.Less(t, len(m.Body), size+100, "the message does not grow")
		assert.Equal(t, "30 users read so far", st.Detail)
		assert.Less(t, len(st.Checkpoint), 3000)
		assert.Contains(t, string(st.Checkpoint), "https://graph.example.test/v1.0/users?")
		assert.Equal(t, account.Waits, account.StateOf(account.Request{Steps: []account.Step{st}}))
		runs, err := s.ledger.Runs(t.Context(), tenant, -1)
		require.NoError(t, err)
		assert.Empty(t, runs, "there is no run to read before it is over")
	})
}

func TestAnExpiredPlaceBeginsAgain(t *testing.T) {
	want := undisturbed(t)
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		m := s.order("sync")
		for range 4 {
			m = s.next(m)
		}
		s.world.ExpirePages()
		s.toTheEnd(m)
		assert.Equal(t, 8+1+pages, s.pagesRead())
		assert.Zero(t, s.step("sync").Failures)
		assert.Equal(t, 1, strings.Count(s.step("sync").Detail, "begun again 1 times"))
		got := s.left("sync")
		assert.Equal(t, 1, got.Run.Restarts)
		got.Run.Restarts, got.Audit, want.Audit = 0, nil, nil
		assert.Equal(t, want, got)
		assert.Equal(t, 99, s.rows(), "what was read before it expired is swept")
	})
}

// A tenant that forgets every place at once must not be read for ever.
func TestPlacesThatAlwaysExpireAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		m := s.order("sync")
		for n := 1; ; n++ {
			require.Less(t, n, 200)
			s.world.ExpirePages()
			out := s.deliver(m, allowed)
			if out.Verb == queue.DeadLetter {
				assert.Equal(t, "step-endless", out.Reason)
				break
			}
			m = out.Next
		}
		runs, err := s.ledger.Runs(t.Context(), tenant, -1)
		require.NoError(t, err)
		assert.Empty(t, runs)
	})
}

func TestTwoRunsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		slow := s.order("slow")
		for range 3 {
			slow = s.next(slow)
		}
		require.Equal(t, queue.Complete, s.deliver(s.order("fast"), 0).Verb)
		assert.Equal(t, 99, s.rows(), "the users of the one that is overtaken are swept")

		out := s.deliver(slow, allowed)
		require.Equal(t, queue.Retry, out.Verb)
		assert.Contains(t, s.step("slow").Fault, "another sync stored an inventory of the tenant meanwhile")
		assert.Equal(t, 1, s.step("slow").Failures)
		assert.Contains(t, s.left("slow").Run.Error, "another sync stored")

		time.Sleep(time.Until(out.Next.NotBefore))
		s.toTheEnd(out.Next)
		assert.Equal(t, s.left("fast").Run.Findings, s.left("slow").Run.Findings, "it began anew, as it always did")
		assert.Equal(t, 99, s.rows())
	})
}

func TestTheBrakeCountsOverTheWholeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		inv, err := s.ledger.BeginInventory(t.Context(), tenant, "run-before")
		require.NoError(t, err)
		for i := range 20 {
			var users []account.User
			for j := range 10 {
				users = append(users, account.User{ObjectID: fmt.Sprint("before-", i, "-", j)})
			}
			require.NoError(t, s.ledger.AddToInventory(t.Context(), inv, users))
		}
		_, _, err = s.ledger.FinishInventory(t.Context(), inv)
		require.NoError(t, err)

		m := s.order("sync")
		for range pages / 2 {
			m = s.next(m)
		}
		assert.Equal(t, "99 users and 0 role assignments read so far", s.step("sync").Detail)
		s.toTheEnd(m)
		assert.Equal(t, "101 of 200 users are gone since the last sync", s.left("sync").Run.Withheld)
		assert.Empty(t, s.expired)
	})
}

// An account that was worked on while the sync was under way is left to the next one: it
// may have been read before, and its roles after.
func TestWhatWasWorkedOnMeanwhileIsNotJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		m := s.order("sync")
		m = s.next(m)
		require.NoError(t, s.ledger.Update(t.Context(), "req-stripped", func(rec *ledger.Record) error {
			rec.Account.TriedAt = time.Now()
			return nil
		}))
		s.toTheEnd(m)
		for _, f := range s.left("sync").Run.Findings {
			assert.NotEqual(t, "stripped", f.AccountID)
		}
	})
}
