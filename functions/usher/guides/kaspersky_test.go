package guides

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/tenantfake"
)

// TestKaspersky is the guide to the quarantine: an unlicensed account, a role, no second
// factor, and the credentials entered in the product.
func TestKaspersky(t *testing.T) {
	tell(t, approvers, func(s *stage) {
		s.tenant.SetConditionalAccess(tenantfake.ConditionalAccessPolicy{
			ID: "ca000000-0000-4000-8000-000000000001", DisplayName: "Everybody needs a second factor", BuiltInControls: []string{"mfa"},
		})
		s.before = s.tenant.Holdings()
		vendor := key(t)
		doc := s.sample("onboard-kaspersky-new.json")
		doc["delivery"] = map[string]any{"method": "age", "recipients": []string{vendor.Recipient().String()}}

		// The role is not given on one person's word.
		id := s.parked(doc)
		assert.Equal(t, http.StatusConflict, s.approve(id, "jane@contoso.com"), "never the requester")
		assert.Equal(t, http.StatusOK, s.approve(id, "ann@contoso.com"))
		r := s.reaches(id, account.Succeeded, time.Hour)

		// Make a user without a licence, and give it the role Security Administrator.
		user, there := s.tenant.User("svc-kaspersky@" + domain)
		require.True(t, there)
		assert.Empty(t, user.Licenses)
		assert.Equal(t, []string{"Security Administrator"}, s.tenant.RolesOf(user.ID))

		// Turn multi-factor authentication off for it: what would ask for it is named, and
		// the account, and nobody else, is excluded from it.
		assert.Contains(t, step(t, r, "checkfitness").Detail, "Everybody needs a second factor")
		assert.Contains(t, s.tenant.Holdings(), "exclusion of "+user.ID+" from Everybody needs a second factor")
		assert.Equal(t, account.StepDone, step(t, r, "exclude").State)

		// Enter the user name and password in the product.
		assert.True(t, s.tenant.CheckPassword(user.UserPrincipalName, s.unseal(vendor, s.handed(id).Sealed)))

		over := s.taken(s.sample("offboard-kaspersky-new.json"))
		s.reaches(over, account.Succeeded, time.Hour)
		assert.Equal(t, s.before, s.tenant.Holdings())
	})
}
