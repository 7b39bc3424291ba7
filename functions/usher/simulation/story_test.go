package simulation

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
)

// story is what people ask for in a world, while it falls apart around them.
type story struct {
	*world
	mu sync.Mutex
	// asked are the names that tickets were about.
	asked []string
	// taken are the request ids that senders were told.
	taken map[string]bool
	tick  int
}

// live plays the story: tickets first, then quiet for as long as anything may wait.
func (s *story) live() {
	stop := make(chan struct{})
	var keeper sync.WaitGroup
	keeper.Go(func() { s.keepAlive(stop) })
	var people sync.WaitGroup
	for range 2 + s.random.upTo(4) {
		people.Go(s.person)
	}
	people.Wait()
	time.Sleep(s.random.within(3 * time.Hour))
	s.calm = true
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
		time.Sleep(s.random.within(10 * time.Minute))
		s.boot()
	}
}

// person sends one ticket, perhaps twice, and perhaps thinks better of it.
func (s *story) person() {
	time.Sleep(s.random.within(2 * time.Hour))
	name, ticket := s.ticket()
	answer := s.send(ticket)
	switch {
	case answer.Status == intake.Parked:
		time.Sleep(s.random.within(time.Hour))
		s.insist(func(p *process) error {
			_, err := p.desk.Approve(s.ctx, answer.RequestID, "boss@contoso.com", "fine")
			return err
		})
	case answer.Status != intake.Accepted:
		return
	}
	if s.random.chance(0.3) {
		s.send(ticket)
	}
	if s.random.chance(0.5) {
		return
	}
	time.Sleep(s.random.within(4 * time.Hour))
	farewell := s.send(s.farewell(name))
	if farewell.Status != intake.Accepted || s.random.chance(0.6) {
		return
	}
	time.Sleep(s.random.within(48 * time.Hour))
	s.insist(func(p *process) error {
		_, err := p.desk.Undo(s.ctx, farewell.RequestID, "boss@contoso.com")
		return err
	})
}

// ticket makes up an onboarding.
func (s *story) ticket() (name string, request map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick++
	name = fmt.Sprint("svc", s.tick)
	acc := map[string]any{"mode": "create", "userName": name}
	request = map[string]any{"profile": "sam360", "account": acc}
	switch s.random.upTo(8) {
	case 0:
		request["profile"] = "kaspersky-quarantine"
	case 1:
		name = existing[s.random.upTo(len(existing))]
		request["profile"], acc["userName"], acc["mode"] = "kaspersky-quarantine", name, "existing"
		request["access"] = map[string]any{"directoryRoles": []string{"Security Administrator"}, "exchangeRoleGroups": []string{"View-Only Organization Management"}}
	case 2:
		name = foreign
		acc["userName"] = name
	case 3:
		request["profile"] = "practice-protect-federation"
		request["access"] = map[string]any{"directoryRoles": []string{"Global Administrator"}}
	case 4:
		request["access"] = map[string]any{"directoryRoles": []string{"Service Support Administrator"}, "exchangeRoleGroups": []string{missingGroup}}
	case 5:
		if len(s.asked) > 0 { // two requests for one account
			name = s.asked[s.random.upTo(len(s.asked))]
			acc["userName"] = name
		}
	}
	s.asked = append(s.asked, name)
	s.dress(request, "onboard")
	return name, request
}

func (s *story) farewell(name string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick++
	request := map[string]any{"account": map[string]any{"userName": name}}
	s.dress(request, "offboard")
	return request
}

func (s *story) dress(request map[string]any, action string) {
	request["schema"], request["action"] = "usher.request/v1", action
	request["tenant"] = map[string]any{"domain": domain}
	request["owner"] = map[string]any{"name": "IT Operations", "email": "itops@contoso.com"}
	request["reason"] = "simulation"
	request["ticket"] = map[string]any{
		"system": "servicenow", "id": fmt.Sprint("T", s.tick), "revision": "1",
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
	require.NoError(s, json.Unmarshal([]byte(s.post("msg_"+s.random.id(), body)), &r))
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
