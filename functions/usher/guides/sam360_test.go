package guides

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// TestSAM360 is the guide whose last page says: if the user couldn't be found, try again
// in 30 minutes.
func TestSAM360(t *testing.T) {
	tell(t, "", func(s *stage) {
		const group = "View-Only Organization Management"
		s.tenant.SetReplication(time.Hour)
		id := s.taken(s.sample("onboard-sam360.json"))

		// Add a user without a licence, whose password is not to be changed and never expires.
		time.Sleep(time.Minute)
		r := s.request(id)
		assert.Equal(t, account.StepDone, step(t, r, "create").State)
		user, there := s.tenant.User("sam360reports@" + domain)
		require.True(t, there)
		assert.True(t, user.AccountEnabled)
		assert.Empty(t, user.Licenses)
		assert.Contains(t, user.PasswordPolicies, "DisablePasswordExpiration")
		assert.False(t, user.ForcePasswordChange)

		// Give it the role Service Support Administrator.
		assert.Equal(t, []string{"Service Support Administrator"}, s.tenant.RolesOf(user.ID))

		// Add it to the role group. "Couldn't be found. Try again in 30 minutes": nobody has to.
		assert.Equal(t, account.Waits, r.State)
		assert.Empty(t, s.tenant.RoleGroupMembers(group))
		time.Sleep(45 * time.Minute)
		require.Len(t, s.heard(id, events.StatusWaiting), 1, "after half an hour the ticket hears of it")
		r = s.reaches(id, account.Succeeded, time.Hour)
		assert.Equal(t, []string{user.ID}, s.tenant.RoleGroupMembers(group))

		// Enter the credentials: sealed, and told by reference.
		heard := s.heard(id, events.StatusSucceeded)
		require.Len(t, heard, 1)
		assert.Equal(t, s.account(r).SecretRef, heard[0].Credential.VaultReference)

		// The page the guide does not have.
		over := s.taken(s.sample("offboard-sam360.json"))
		s.reaches(over, account.Succeeded, time.Hour)
		assert.Equal(t, s.before, s.tenant.Holdings(), "nothing of ours is left")
	})
}
