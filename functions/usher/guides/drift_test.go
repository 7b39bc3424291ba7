package guides

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/tenantfake"
)

const everybody = "ca000000-0000-4000-8000-000000000001"

// TestTheExclusionIsRemovedByHand is what comes after the guide to the quarantine: weeks
// later somebody tidies up the policies, and the product does not sign in any more.
func TestTheExclusionIsRemovedByHand(t *testing.T) {
	tell(t, approvers, func(s *stage) {
		policy := tenantfake.ConditionalAccessPolicy{ID: everybody, DisplayName: "Everybody needs a second factor", BuiltInControls: []string{"mfa"}}
		s.tenant.SetConditionalAccess(policy)
		s.before = s.tenant.Holdings()
		id := s.parked(s.sample("onboard-kaspersky-new.json"))
		s.agreed(id)
		acc := s.account(s.reaches(id, account.Succeeded, time.Hour))
		s.nightPasses()
		assert.Empty(t, s.drift(), "the exclusion is as it was given")

		// An administrator takes the account out of the exclusions. The next night says so:
		// on the report, to the ticketing system, and to the owner.
		require.True(t, s.tenant.EditConditionalAccessByHand(everybody, func(p *tenantfake.ConditionalAccessPolicy) { p.ExcludeUsers = nil }))
		s.nightPasses()
		assert.Equal(t, []string{fullsync.ExclusionMissing}, s.drift())
		require.Len(t, s.health(), 1)
		notice := s.health()[0]
		assert.Equal(t, fullsync.ExclusionMissing, notice.Kind)
		assert.Contains(t, notice.Text, `svc-kaspersky@`+domain+`: is no longer excluded from "Everybody needs a second factor"`)
		assert.Contains(t, notice.Text, "asks for multifactor authentication")
		assert.Equal(t, []string{acc.Owner.Email}, notice.Mail)
		assert.Equal(t, id, notice.RequestID)
		s.nightPasses()
		assert.Equal(t, 1, s.noticed(fullsync.ExclusionMissing), "told once")
		assert.Empty(t, s.tenant.ConditionalAccess()[0].ExcludeUsers, "and never given again")

		// The policy is replaced by another one: the old exclusion is gone with it, and the
		// new policy was never told of.
		another := policy
		another.ID, another.DisplayName = "ca000000-0000-4000-8000-000000000002", "Phishing-resistant"
		s.tenant.SetConditionalAccess(another)
		s.nightPasses()
		assert.Equal(t, []string{fullsync.PolicyMissing, fullsync.PolicyCatches}, s.drift())
		require.Len(t, s.health(), 1)
		assert.Equal(t, fullsync.PolicyCatches, s.health()[0].Kind)
		assert.Contains(t, s.health()[0].Text, "Phishing-resistant")

		// Usher loses the permission to look: that is one finding, and no failed night.
		require.True(t, s.tenant.SetPermissions(tenantfake.DefaultClientID, s.permissionsWithout("Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"), []string{"Exchange.ManageAsApp"}))
		s.tenant.RevokeTokens()
		s.nightPasses()
		assert.Equal(t, []string{fullsync.PolicyUnread}, s.drift())
		assert.Contains(t, s.findings()[0].Text, "Policy.Read.All")
		assert.Len(t, s.health(), 1, "what could not be seen may still hold")
	})
}

// permissionsWithout are those of our application on Graph, but for some.
func (s *stage) permissionsWithout(some ...string) []string {
	s.Helper()
	i := slices.IndexFunc(s.tenant.Apps(), func(a tenantfake.App) bool { return a.ClientID == tenantfake.DefaultClientID })
	return slices.DeleteFunc(slices.Clone(s.tenant.Apps()[i].Graph), func(name string) bool { return slices.Contains(some, name) })
}

// nightPasses waits for the nightly sync, and until its run is over.
func (s *stage) nightPasses() {
	s.Helper()
	before := len(s.runs())
	for range 25 {
		time.Sleep(time.Hour)
		if len(s.runs()) > before {
			time.Sleep(time.Minute)
			require.Empty(s, s.runs()[0].Error)
			return
		}
	}
	require.Fail(s, "no night")
}

// runs are the syncs, the newest first.
func (s *stage) runs() (runs []ledger.SyncRun) {
	s.Helper()
	require.Equal(s, http.StatusOK, s.api(http.MethodGet, "/api/sync", nil, &runs))
	return runs
}

func (s *stage) findings() []ledger.Finding { return s.runs()[0].Findings }

// drift are the kinds of what the last night found.
func (s *stage) drift() (kinds []string) {
	for _, f := range s.findings() {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}
