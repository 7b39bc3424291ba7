package guides

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
)

// bothAgree gives the word of Ann, who proves who she is, and of Bob, who is only named.
func (s *stage) bothAgree(id string) {
	s.Helper()
	way, word := "/api/requests/"+id+"/approve", map[string]string{"reason": "seen"}
	assert.Equal(s, http.StatusForbidden, s.approve(id, "ann@contoso.com"), "nobody else says it for her")
	assert.Equal(s, http.StatusForbidden, s.apiAs(annsToken, http.MethodPost, way, map[string]string{"by": "bob@contoso.com"}, nil), "nor she for Bob")
	assert.Equal(s, http.StatusOK, s.apiAs(annsToken, http.MethodPost, way, word, nil))
	assert.Equal(s, account.Parked, s.request(id).State)
	assert.Equal(s, http.StatusConflict, s.apiAs(annsToken, http.MethodPost, way, word, nil), "never twice")
	assert.Equal(s, http.StatusOK, s.approve(id, "bob@contoso.com"))
	var said []string
	for _, e := range s.request(id).Timeline {
		if e.Kind == "approval.given" || e.Kind == "request.approved" {
			said = append(said, e.Actor+" "+e.Text)
		}
	}
	require.Len(s, said, 2)
	assert.Contains(s, said[0], "ann@contoso.com via console, with their own token")
	assert.Contains(s, said[1], "bob@contoso.com via console, claimed behind the shared token")
	assert.NotContains(s, s.log.String(), annsToken)
}

// TestPracticeProtect is the guide that asks for a Global Administrator, to be removed when
// the onboarding is over, unless the federation is in use.
func TestPracticeProtect(t *testing.T) {
	tell(t, proven+withPage, func(s *stage) {
		s.tenant.SetPremiumP2(true)
		doc := s.sample("onboard-practice-protect-federation.json")
		doc["delivery"] = map[string]any{"method": "link"}
		doc["lifetime"] = map[string]any{
			"federatedDomains": []string{"fed.contoso.com"}, "expiresAt": time.Now().Add(20 * 24 * time.Hour).UTC().Format(time.RFC3339),
		}

		// Add a user with a first and a last name, on the onmicrosoft.com domain, without a
		// licence, and give it the role Global Administrator: on the word of two people.
		id := s.parked(doc)
		s.bothAgree(id)
		r := s.reaches(id, account.Succeeded, time.Hour)
		user, there := s.tenant.User("practiceprotect-federation@" + domain)
		require.True(t, there)
		assert.Equal(t, "Practice", user.GivenName)
		assert.Empty(t, user.Licenses)
		assert.Equal(t, []string{"Global Administrator"}, s.tenant.RolesOf(user.ID))
		end := s.account(r).ExpiresAt

		// Send the credentials to the person at the vendor.
		link := s.handed(id).Link
		for range 3 {
			assert.Equal(t, http.StatusOK, s.visit(http.MethodGet, link).Code, "a link scanner burns nothing")
		}
		page := s.visit(http.MethodPost, link)
		require.Equal(t, http.StatusOK, page.Code)
		password := shown(t, page)
		assert.True(t, s.tenant.CheckPassword(user.UserPrincipalName, password))
		assert.Equal(t, http.StatusGone, s.visit(http.MethodPost, link).Code, "once")
		time.Sleep(time.Hour)
		assert.False(t, s.tenant.CheckPassword(user.UserPrincipalName, password), "a second visit makes it worthless")
		assert.Equal(t, []string{"Global Administrator"}, s.tenant.RolesOf(user.ID), "taken for a moment, and given again")

		// Do not remove it while the federation is in use: the revocation ends before it takes anything.
		over := s.taken(s.sample("offboard-practice-protect-federation.json"))
		s.reaches(over, account.Failed, time.Hour)
		assert.Contains(t, s.request(over).Fault.Message, "fed.contoso.com")
		assert.Equal(t, []string{"Global Administrator"}, s.tenant.RolesOf(user.ID), "nothing was taken")

		// Remove the user when the onboarding is over: the owner hears of it before.
		s.tenant.FederateByHand("fed.contoso.com", false)
		time.Sleep(time.Until(end) - 24*time.Hour)
		var told []string
		for _, status := range s.tickets.all() {
			if status.Data.Notice != nil {
				told = append(told, status.Data.Notice.Kind)
			}
		}
		assert.Subset(t, told, []string{"expiry.near", "expiry.close"})
		time.Sleep(50 * time.Hour)
		assert.Equal(t, s.before, s.tenant.Holdings())
	})
}
