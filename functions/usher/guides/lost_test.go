package guides

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

// A ticketing system that does not take a password may have shown it to somebody all the
// same. The account holds a role, so the new password takes a rotation.
func TestAPasswordWhoseHandOverFailedIsNeverHandedOverAgain(t *testing.T) {
	tell(t, approvers, func(s *stage) {
		vendor := key(t)
		s.tickets.answer(func(told events.StatusData) error {
			if told.Status == events.StatusHandover {
				return fault.Stopf(fault.CallbackRefused, "status 400")
			}
			return nil
		})
		id := s.taken(s.delivered("lost", "age", vendor.Recipient().String()))
		s.reaches(id, account.Parked, 2*time.Hour)
		first := s.unseal(vendor, s.heard(id, events.StatusHandover)[0].Credential.Sealed)
		require.True(t, s.tenant.CheckPassword("lost@"+domain, first))

		// Approved too early it is not sent a second time.
		s.tickets.answer(nil)
		require.Equal(t, http.StatusOK, s.approve(id, "ann@contoso.com"))
		time.Sleep(time.Hour)
		assert.Contains(t, s.reaches(id, account.Parked, time.Hour).Parked, "usher rotate")
		assert.Len(t, s.heard(id, events.StatusHandover), 1)

		// The night sets another, which the next approval hands over.
		time.Sleep(25 * time.Hour)
		assert.False(t, s.tenant.CheckPassword("lost@"+domain, first), "what was handed over wrongly is worth nothing")
		user, _ := s.tenant.User("lost@" + domain)
		assert.Equal(t, []string{"Service Support Administrator"}, s.tenant.RolesOf(user.ID))
		require.Equal(t, http.StatusOK, s.approve(id, "bob@contoso.com"))
		s.reaches(id, account.Succeeded, time.Hour)
		heard := s.heard(id, events.StatusHandover)
		require.Len(t, heard, 2)
		second := s.unseal(vendor, heard[1].Credential.Sealed)
		assert.True(t, s.tenant.CheckPassword("lost@"+domain, second))
		s.keeps(first, second)
	})
}

// A link may be opened twice before the ticketing system has even answered. The account is
// still being made then, and the night makes the password worthless.
func TestALinkThatIsOpenedTwiceBeforeTheAccountIsReady(t *testing.T) {
	tell(t, withPage, func(s *stage) {
		pages := make(chan *httptest.ResponseRecorder, 2)
		s.tickets.answer(func(told events.StatusData) error {
			if told.Status == events.StatusHandover {
				pages <- s.visit(http.MethodPost, told.Credential.Link)
				pages <- s.visit(http.MethodPost, told.Credential.Link)
			}
			return nil
		})
		id := s.taken(s.delivered("early", "link"))
		r := s.reaches(id, account.Succeeded, 2*time.Hour)
		require.Len(t, pages, 2)
		first := shown(t, <-pages)
		require.Equal(t, http.StatusGone, (<-pages).Code)
		assert.Empty(t, s.account(r).SecretRef, "the vault keeps no copy")
		time.Sleep(25 * time.Hour)
		assert.False(t, s.tenant.CheckPassword("early@"+domain, first))
		assert.Contains(t, s.account(r).SecretRef, ".req-", "the new one lies in the vault")
	})
}

// Where nobody gave our application the right to reset passwords, a rotation fails and the
// account stays what it was: its end is looked after, and its role is there.
func TestARotationThatIsNotAllowedCostsTheAccountNothing(t *testing.T) {
	tell(t, "", func(s *stage) {
		r := s.reaches(s.taken(s.delivered("kept", "vault")), account.Succeeded, 2*time.Hour)
		s.tenant.SetDirectoryRoles(tenantfake.DefaultClientID, "Exchange Administrator")
		s.tenant.RevokeTokens()
		time.Sleep(3 * time.Hour)
		var rotation console.Request
		require.Equal(t, http.StatusOK, s.api(http.MethodPost, "/api/accounts/kept@"+domain+"/rotate", console.Rotation{By: "ann"}, &rotation))
		failed := s.reaches(rotation.ID, account.Failed, 3*time.Hour)
		assert.Contains(t, failed.Fault.Message, "User Administrator")
		assert.Equal(t, account.AccountActive, s.account(r).State)
		assert.Equal(t, []string{"Service Support Administrator"}, s.tenant.RolesOf("kept@"+domain))
	})
}
