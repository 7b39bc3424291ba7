package guides

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/tenantfake"
)

// TestTheTokenDies is the end of the guide to Cloud App Security: the consent is gone one
// day, somebody hears of it, and gives it again.
func TestTheTokenDies(t *testing.T) {
	tell(t, approvers, func(s *stage) {
		doc := s.sample("onboard-trendmicro-cas.json")
		doc["lifetime"] = map[string]any{"expiresAt": time.Now().Add(80 * 24 * time.Hour).UTC().Format(time.RFC3339)}
		doc["access"].(map[string]any)["scope"] = map[string]any{"mode": "selected", "users": []string{"AdeleV@contoso.com"}}
		id := s.parked(doc)
		s.agreed(id)
		connection := s.account(s.reaches(id, account.Succeeded, time.Hour))
		time.Sleep(3 * time.Hour)
		require.Empty(t, s.health(), "nothing is wrong")

		// An administrator withdraws the consent in the tenant: within the hour it is told, once.
		require.True(t, s.tenant.RemoveApp(tenantfake.ScannerAppID))
		time.Sleep(time.Hour + time.Minute)
		require.Len(t, s.health(), 1)
		notice := s.health()[0]
		assert.Equal(t, "consent.missing", notice.Kind)
		assert.Contains(t, notice.Text, "usher reconnect "+connection.UserPrincipalName)
		assert.Equal(t, []string{connection.Owner.Email}, notice.Mail)
		time.Sleep(47 * time.Hour)
		assert.Len(t, s.health(), 1)
		assert.Equal(t, 1, s.noticed("consent.missing"), "one notice, not one per probe")

		// It is asked for again: the same people agree, the same steps give it.
		var again console.Request
		path := "/api/accounts/" + connection.ID + "/reconnect"
		assert.Equal(t, http.StatusBadRequest, s.api(http.MethodPost, path, map[string]string{}, nil), "nobody's name")
		require.Equal(t, http.StatusOK, s.api(http.MethodPost, path, map[string]string{"by": "itops@contoso.com"}, &again))
		s.agreed(again.ID)
		s.reaches(again.ID, account.Succeeded, time.Hour)
		assert.True(t, s.tenant.AssignmentRequired(tenantfake.ScannerAppID), "it is for the chosen users again, and for nobody else")
		assert.Equal(t, []string{"AdeleV@contoso.com"}, s.targets(connection.ID))
		assert.Len(t, s.tenant.Assigned(), 1)
		var now []console.Health
		require.Equal(t, http.StatusOK, s.api(http.MethodPost, "/api/probe?tenant=contoso", nil, &now))
		require.Len(t, now, 1)
		assert.Empty(t, now[0].Open)
		assert.Empty(t, now[0].Unknown)

		// Our own token dies, too.
		require.True(t, s.tenant.SetSecret(tenantfake.DefaultConsentsClientID, "another"))
		time.Sleep(time.Hour + time.Minute)
		require.Len(t, s.health(), 1)
		assert.Equal(t, "credential.invalid", s.health()[0].Kind)
		require.True(t, s.tenant.SetSecret(tenantfake.DefaultConsentsClientID, tenantfake.DefaultClientSecret))
		time.Sleep(time.Hour + time.Minute)
		assert.Empty(t, s.health())
	})
}

// agreed gives the word of as many people as a parked request needs.
func (s *stage) agreed(id string) {
	s.Helper()
	for _, by := range []string{"ann@contoso.com", "bob@contoso.com"} {
		if s.request(id).State == account.Parked {
			require.Equal(s, http.StatusOK, s.approve(id, by))
		}
	}
}

// noticed counts the statuses about notices of a kind.
func (s *stage) noticed(kind string) (n int) {
	for _, status := range s.tickets.all() {
		if about := status.Data.Notice; about != nil && about.Kind == kind {
			n++
		}
	}
	return n
}

// health are the open notices.
func (s *stage) health() (open []console.Notice) {
	s.Helper()
	require.Equal(s, http.StatusOK, s.api(http.MethodGet, "/api/notices", nil, &open))
	return open
}
