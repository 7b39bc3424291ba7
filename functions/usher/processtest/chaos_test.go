package processtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	// onboardings and offboardings together are the thousand requests.
	onboardings  = 600
	offboardings = 400
	processes    = 3
	// blows are how often each process is killed or frozen.
	blows = 5
	group = "View-Only Organization Management"
)

// TestChaos lets several processes of usher work on a thousand requests, on PostgreSQL
// and Service Bus, while they are killed and frozen past their locks at random. Nothing
// may be lost, nothing done twice, and no step run again after it was on record as done.
func TestChaos(t *testing.T) {
	c := newCrowd(t, processes)
	seed := chaosSeed(t)
	for _, w := range c.workers {
		w.start(t)
	}
	t.Cleanup(func() {
		for _, w := range c.workers {
			w.end()
		}
	})
	var tormented sync.WaitGroup
	for i, w := range c.workers {
		tormented.Go(func() {
			kills, freezes := w.torment(t, rand.New(rand.NewPCG(seed, 100+uint64(i))), blows)
			t.Logf("process %d: %d kills, %d freezes", i, kills, freezes)
		})
	}
	taken := c.postAll(seed)
	tormented.Wait()
	require.Len(t, taken, onboardings+offboardings)
	c.awaitOpen(0, 5*time.Minute)
	c.check()
}

func chaosSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("CHAOS_SEED"); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("CHAOS_SEED=%d", seed)
	return seed
}

// postAll posts every request from several senders at once, and gives their ids. An
// account is offboarded once it is ready; what overtakes what is the simulation's matter.
func (c *crowd) postAll(seed uint64) []string {
	const senders = 8
	ids := make([][]string, senders)
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(seed, uint64(s)+1))
			for n := s; n < onboardings; n += senders {
				ids[s] = append(ids[s], c.request(dice, "on-"+userName(n), onboarding(c.T, n)))
			}
			for n := s; n < offboardings; n += senders {
				if c.ready(ids[s][n/senders]) {
					ids[s] = append(ids[s], c.request(dice, "off-"+userName(n), offboarding(c.T, n)))
				}
			}
		})
	}
	all.Wait()
	return slices.Concat(ids...)
}

// ready waits until a request succeeded.
func (c *crowd) ready(request string) bool {
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		r, err := c.books.Request(c.Context(), request)
		if err == nil && account.StateOf(r) == account.Succeeded {
			return true
		}
	}
	c.Errorf("request %s has no end", request)
	return false
}

// hasGroup says whether an account gets a role group as well. It is one in twenty-five,
// for Exchange is called once a second.
func hasGroup(n int) bool { return n%25 == 0 }

func onboarding(t *testing.T, n int) []byte {
	t.Helper()
	if hasGroup(n) {
		return document(t, "onboard-sam360.json", userName(n))
	}
	return document(t, "onboard-kaspersky-new.json", userName(n))
}

func offboarding(t *testing.T, n int) []byte {
	t.Helper()
	return document(t, "offboard-sam360.json", userName(n))
}

// awaitOpen waits until no more requests than that are without an end.
func (c *crowd) awaitOpen(most int, patience time.Duration) {
	c.Helper()
	var open []account.Request
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Second) {
		var err error
		open, err = c.books.Requests(c.Context(), ledger.Filter{Open: true, Limit: -1})
		require.NoError(c, err)
		if len(open) <= most {
			return
		}
	}
	for _, r := range open[:min(len(open), 5)] {
		st := r.Next()
		c.Errorf("%s %s has no end: %s attempt %d since %s, %s %s, next %s (now %s)", r.Action, r.ID, st.Name, st.Attempt,
			st.FirstSeen.Format(time.TimeOnly), st.FaultCode, st.Fault, st.NextTry.Format(time.TimeOnly), time.Now().UTC().Format(time.TimeOnly))
	}
	c.Fatalf("%d requests have no end", len(open))
}

// check holds tenant, ledger, vault and logs against what was promised.
func (c *crowd) check() {
	c.Helper()
	requests, err := c.books.Requests(c.Context(), ledger.Filter{Limit: -1})
	require.NoError(c, err)
	assert.Len(c, requests, onboardings+offboardings)
	for _, r := range requests {
		want := account.Succeeded
		if r.Cancelled != "" {
			want = account.Cancelled
		}
		assert.Equal(c, want, account.StateOf(r), "%s %s", r.Action, r.ID)
	}
	accounts, err := c.books.Accounts(c.Context(), ledger.Filter{Limit: -1})
	require.NoError(c, err)
	c.checkTenant(accounts)
	c.checkRuns(requests)
	_, _, err = c.books.Verify(c.Context(), tenantfake.DefaultTenantID)
	require.NoError(c, err)
}

// checkTenant: who should be there is, once, with what was granted, and nobody else.
func (c *crowd) checkTenant(accounts []account.Account) {
	c.Helper()
	vault, err := secrets.OpenFileVault(c.vault, secrets.Options{})
	require.NoError(c, err)
	active, members := 0, 0
	for _, a := range accounts {
		if a.State != account.AccountActive {
			continue
		}
		active++
		password, err := vault.Open(c.Context(), a.SecretRef)
		require.NoError(c, err)
		assert.True(c, c.tenant.CheckPassword(a.UserPrincipalName, password.Reveal()), "the sealed password of %s does not sign in", a.UserPrincipalName)
		assert.Len(c, c.tenant.RolesOf(a.ObjectID), 1, a.UserPrincipalName)
		if len(a.Grants) > 1 {
			members++
		}
	}
	assert.Equal(c, onboardings-offboardings, active)
	assert.Len(c, c.tenant.Users(), c.tenant.UsersBefore+active)
	assert.Len(c, c.tenant.RoleAssignments(), c.tenant.RolesBefore+active)
	assert.Len(c, c.tenant.RoleGroupMembers(group), members)
	assert.Equal(c, (onboardings-offboardings)/25, members)
	stamps := map[string]bool{}
	for _, u := range append(c.tenant.Users(), c.tenant.DeletedUsers()...) {
		if stamp := u.ExtensionAttributes["extensionAttribute15"]; stamp != "" {
			assert.False(c, stamps[stamp], "two accounts for %s", stamp)
			stamps[stamp] = true
		}
	}
}

// checkRuns reads what every process wrote about its deliveries: none ran a step that
// was on record as finished when it began.
func (c *crowd) checkRuns(requests []account.Request) {
	c.Helper()
	finished := map[string]time.Time{}
	for _, r := range requests {
		for _, s := range r.Steps {
			finished[r.ID+"/"+s.Name] = s.FinishedAt
		}
	}
	runs := 0
	for _, w := range c.workers {
		lines := bufio.NewScanner(strings.NewReader(w.log.String()))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var l struct {
				Msg, Request, Step, Outcome string
				Time                        time.Time
				Duration                    float64
			}
			// A killed process may leave half a line.
			if json.Unmarshal(lines.Bytes(), &l) != nil || l.Msg != "delivery" || l.Step == "" {
				continue
			}
			runs++
			began := l.Time.Add(-time.Duration(l.Duration * float64(time.Second)))
			end := finished[l.Request+"/"+l.Step]
			if ran := slices.Contains([]string{"done", "waiting", "retrying", "failed"}, l.Outcome); ran && !end.IsZero() && began.After(end.Add(time.Millisecond)) {
				c.Errorf("%s/%s was done at %s and ran again at %s: %s", l.Request, l.Step, end, began, l.Outcome)
			}
		}
		require.NoError(c, lines.Err())
	}
	assert.Greater(c, runs, 3*onboardings, fmt.Sprint("the logs tell of ", runs, " deliveries only"))
}
