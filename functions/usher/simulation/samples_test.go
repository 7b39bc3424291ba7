package simulation

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
)

// TestEverySampleRunsToItsEnd onboards and offboards by the samples of each profile,
// in a tenant that replicates in its usual 20 minutes and in which nothing fails.
func TestEverySampleRunsToItsEnd(t *testing.T) {
	names, err := fs.Glob(samples.Files, "onboard-*.json")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for engine, on := range map[string]func(*world) engines{"SQLite": onSQLite, "ServiceBus": onServiceBus} {
		for _, name := range names {
			t.Run(engine+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { runSample(t, on, name) })
			})
		}
	}
}

func runSample(t *testing.T, on func(*world) engines, name string) {
	s := quiet(t, on)
	w, p := s.world, s.boot()
	users, roles, setting := w.tenant.Users(), w.tenant.RoleAssignments(), w.tenant.ConsentPolicy()

	onboarding := s.sendSample(name)
	if onboarding.Status == intake.Parked {
		_, err := p.desk.Approve(w.ctx, onboarding.RequestID, account.Approval{By: "jane@contoso.com"})
		require.Error(t, err, "never the requester")
		s.approve(onboarding.RequestID)
	}
	time.Sleep(2 * time.Hour)
	s.expect(p, onboarding, account.Succeeded)
	s.expectRights(p, onboarding)

	offboarding := s.sendSample(strings.Replace(name, "onboard-", "offboard-", 1))
	time.Sleep(2 * time.Hour)
	// Nobody works for more than a month: what is due then is done by whoever comes.
	p.bury()
	time.Sleep(40 * 24 * time.Hour)
	p = s.boot()
	time.Sleep(2 * time.Hour)
	s.expect(p, offboarding, account.Succeeded)
	assert.Len(t, w.tenant.Users(), len(users), "the account is gone, and nobody else")
	assert.Equal(t, len(roles), len(w.tenant.RoleAssignments()))
	setting.Version = w.tenant.ConsentPolicy().Version
	assert.Equal(t, setting, w.tenant.ConsentPolicy(), "the tenant's setting is as it was")
	for _, group := range w.tenant.RoleGroupNames() {
		assert.Empty(t, w.tenant.RoleGroupMembers(group))
	}
	p.bury()
	synctest.Wait()
	s.check()
	w.close()
}

func (s *story) sendSample(name string) reply {
	s.Helper()
	text, err := samples.Files.ReadFile(name)
	require.NoError(s, err)
	var request map[string]any
	require.NoError(s, json.Unmarshal(text, &request))
	answer := s.send(request)
	require.NotEqual(s, intake.Refused, answer.Status, answer.Reason)
	return answer
}

func (s *story) expect(p *process, r reply, want account.State) {
	s.Helper()
	request, err := p.ledger.Request(s.ctx, r.RequestID)
	require.NoError(s, err)
	require.Equal(s, want, account.StateOf(request), s.show(p, request))
}

// expectRights finds every right of the plan in the tenant.
func (s *story) expectRights(p *process, r reply) {
	s.Helper()
	request, err := p.ledger.Request(s.ctx, r.RequestID)
	require.NoError(s, err)
	acc, err := p.ledger.Account(s.ctx, request.AccountID)
	require.NoError(s, err)
	require.NotEmpty(s, acc.Grants)
	for _, g := range acc.Grants {
		assert.True(s, s.holds(acc, g), g.Name)
	}
	last := len(s.told) - 1
	for last > 0 && s.told[last].Data.RequestID != r.RequestID {
		last-- // a notice belongs to no ticket
	}
	assert.Equal(s, events.StatusSucceeded, s.told[last].Data.Status)
}
