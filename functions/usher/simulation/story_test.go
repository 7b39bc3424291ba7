package simulation

import (
	"encoding/json"
	"sync"
	"testing/synctest"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
)

// story is what people ask for in a world, while it falls apart around them.
type story struct {
	*world
	mu sync.Mutex
	// taken are the request ids that senders were told.
	taken map[string]bool
	// keys open what was sealed to people, by the public key; seen are the passwords that
	// a one-time page showed, by the name of the account.
	keys map[string]age.Identity
	seen map[string]string
	// parked are the requests that wait for a person when the story is over.
	parked map[string]bool
	// first is what the tenant held when the story began.
	first []string
}

func newStory(w *world) *story {
	return &story{world: w, taken: map[string]bool{}, keys: map[string]age.Identity{}, seen: map[string]string{}, first: w.tenant.Holdings()}
}

// live plays the story: tickets first, then quiet for as long as anything may wait.
func (s *story) live() {
	stop := make(chan struct{})
	var keeper sync.WaitGroup
	keeper.Go(func() { s.keepAlive(stop) })
	calm := make(chan struct{})
	keeper.Go(func() { s.engines.trouble(calm) })
	var people sync.WaitGroup
	for n := range 2 + s.random.upTo(4, "people") {
		people.Go(func() { (&person{s, n}).live() })
	}
	people.Wait()
	time.Sleep(s.random.within(3*time.Hour, "evening"))
	s.calm.Store(true)
	close(calm)
	for range 5 {
		time.Sleep(26 * time.Hour)
		s.sync()
	}
	time.Sleep(26 * time.Hour)
	close(stop)
	keeper.Wait()
	s.current().bury()
	synctest.Wait()
}

// keepAlive starts the process again, some time after each death.
func (s *story) keepAlive(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-s.current().ctx.Done():
		}
		s.current().bury()
		s.deaths++
		time.Sleep(s.random.within(10*time.Minute, "down"))
		s.boot()
	}
}

// person is one of the people of a story; what one does depends on nobody else.
type person struct {
	*story
	number int
}

func (p *person) chance(odds float64, what string) bool { return p.random.chance(odds, p.number, what) }

func (p *person) sleep(longest time.Duration, what string) {
	time.Sleep(p.random.within(longest, p.number, what))
}

// live sends one ticket, perhaps twice, and perhaps thinks better of it.
func (p *person) live() {
	p.sleep(2*time.Hour, "morning")
	w := p.wish()
	answer := p.send(w.request)
	switch {
	case answer.Status == intake.Parked:
		p.sleep(time.Hour, "approval")
		p.approve(answer.RequestID)
	case answer.Status != intake.Accepted:
		return
	}
	if p.chance(0.3, "sends twice") {
		p.send(w.request)
	}
	p.tend(w, answer)
	if p.chance(0.5, "is content") {
		return
	}
	p.sleep(4*time.Hour, "use")
	farewell := p.send(p.farewell(w))
	if farewell.Status != intake.Accepted || p.chance(0.6, "means it") {
		return
	}
	p.sleep(48*time.Hour, "regret")
	var again account.Request
	p.insist(func(u *process) (err error) {
		again, err = u.desk.Undo(p.ctx, farewell.RequestID, "olga")
		return err
	})
	p.approve(again.ID)
}

// approve has everybody agree to a request who may; one word may be enough, or none
// be asked for.
func (s *story) approve(id string) {
	for _, who := range approvers {
		s.insist(func(u *process) error {
			_, err := u.desk.Approve(s.ctx, id, account.Approval{By: who.ID, Reason: "fine"})
			return err
		})
	}
}

func (s *story) dress(request map[string]any, action, ticket string) {
	request["schema"], request["action"] = "usher.request/v1", action
	request["tenant"] = map[string]any{"domain": domain}
	request["owner"] = map[string]any{"name": "IT Operations", "email": "itops@contoso.com"}
	request["reason"] = "simulation"
	request["ticket"] = map[string]any{
		"system": "servicenow", "id": ticket, "revision": "1",
		"requester": map[string]any{"email": "jane@contoso.com"},
	}
}

type reply struct {
	Status    intake.Outcome `json:"status"`
	RequestID string         `json:"requestId"`
	Reason    string         `json:"reason"`
}

func (s *story) send(request map[string]any) (r reply) {
	body, err := json.Marshal(request)
	require.NoError(s, err)
	require.NoError(s, json.Unmarshal([]byte(s.post("msg_"+s.random.id("message", string(body)), body)), &r))
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Status != intake.Refused {
		s.taken[r.RequestID] = true
	}
	return r
}

// insist repeats an order of a person until it is taken or refused for good.
func (s *story) insist(order func(*process) error) {
	for range 200 {
		if p := s.current(); !p.dead.Load() {
			if err := order(p); err == nil || !retryable(err) {
				return
			}
		}
		time.Sleep(time.Minute)
	}
}

// sync is the nightly timer.
func (s *story) sync() {
	p := s.current()
	_, err := p.desk.Sync(s.ctx, "", "timer")
	require.NoError(s, err)
}

func open(r account.Request) bool { return !account.StateOf(r).Terminal() }
