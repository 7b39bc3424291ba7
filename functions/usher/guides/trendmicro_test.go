package guides

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/tenantfake"
)

// TestTrendMicro is the guide to Cloud App Security: permissions for an application, and a
// choice of whom it protects.
func TestTrendMicro(t *testing.T) {
	tell(t, approvers, func(s *stage) {
		group := s.tenant.PutGroup(tenantfake.Group{DisplayName: "Finance London"})
		s.tenant.PutGroup(tenantfake.Group{DisplayName: "Finance Paris"})
		s.tenant.JoinByHand("DiegoS@contoso.com", group)
		s.before = s.tenant.Holdings()
		doc := s.sample("onboard-trendmicro-cas.json")
		doc["lifetime"] = map[string]any{"expiresAt": time.Now().Add(80 * 24 * time.Hour).UTC().Format(time.RFC3339)}

		// Accept the permissions. They are mighty, so two people agree.
		doc["access"].(map[string]any)["scope"] = map[string]any{"mode": "selected", "users": []string{"AdeleV@contoso.com"}, "groups": []string{"Finance London"}}
		id := s.parked(doc)
		require.Equal(t, http.StatusOK, s.approve(id, "ann@contoso.com"))
		if s.request(id).State == account.Parked {
			require.Equal(t, http.StatusOK, s.approve(id, "bob@contoso.com"))
		}
		r := s.reaches(id, account.Succeeded, time.Hour)
		connection := s.account(r)
		held := strings.Join(s.tenant.Holdings(), "\n")
		assert.Contains(t, held, "permission Mail.ReadWrite of Cloud App Security connector")
		assert.Contains(t, held, "permission full_access_as_app of Cloud App Security connector")

		// Choose targets: users by their exact name, groups by at least three characters.
		assert.ElementsMatch(t, []string{"AdeleV@contoso.com", "DiegoS@contoso.com"}, s.targets(connection.ID))
		var ordered console.Request
		change := func(what map[string]any) account.State {
			what["by"] = "itops@contoso.com"
			ordered = console.Request{}
			require.Equal(t, http.StatusOK, s.api(http.MethodPost, "/api/accounts/"+connection.ID+"/targets", what, &ordered))
			if ordered.State == account.Parked {
				require.Equal(t, http.StatusOK, s.approve(ordered.ID, "bob@contoso.com"))
			}
			time.Sleep(10 * time.Minute)
			return s.request(ordered.ID).State
		}
		assert.Equal(t, account.Failed, change(map[string]any{"change": "add", "groups": []string{"Fin"}}), "two groups begin like that")
		for _, candidate := range []string{"Finance London", "Finance Paris"} {
			assert.Contains(t, s.request(ordered.ID).Steps[0].Fault, candidate)
		}
		assert.Equal(t, account.Failed, change(map[string]any{"change": "add", "users": []string{"LeeX@contoso.com"}}), "nobody has that name")
		assert.Equal(t, account.Succeeded, change(map[string]any{"change": "add", "users": []string{"LeeG@contoso.com"}}))
		assert.Len(t, s.targets(connection.ID), 3)
		crowd := make([]string, 101)
		for i := range crowd {
			crowd[i] = fmt.Sprintf("user%03d@contoso.com", i)
		}
		for _, refused := range []map[string]any{
			{"change": "set", "users": crowd}, {"change": "add", "groups": []string{"Fi"}}, {"change": "remove"},
			{"change": "remove", "users": []string{"AdeleV@contoso.com", "LeeG@contoso.com"}, "groups": []string{"Finance London"}},
		} {
			refused["by"] = "itops@contoso.com"
			assert.Contains(t, []int{http.StatusBadRequest, http.StatusConflict}, s.api(http.MethodPost, "/api/accounts/"+connection.ID+"/targets", refused, nil), refused)
		}
		assert.Len(t, s.targets(connection.ID), 3)

		// Groups are read once a day.
		s.tenant.LeaveByHand("DiegoS@contoso.com", group)
		time.Sleep(26 * time.Hour)
		assert.ElementsMatch(t, []string{"AdeleV@contoso.com", "LeeG@contoso.com"}, s.targets(connection.ID))

		// Extend it to everybody later.
		assert.Equal(t, account.Succeeded, change(map[string]any{"change": "all"}))
		assert.Empty(t, s.targets(connection.ID))

		over := s.post(s.sample("offboard-trendmicro-cas.json"))
		require.Equal(t, intake.Accepted, over.Status, over.Reason)
		s.reaches(over.RequestID, account.Succeeded, 2*time.Hour)
		assert.Equal(t, s.before, s.tenant.Holdings())
	})
}

// targets are the users that a connection is for.
func (s *stage) targets(id string) (names []string) {
	s.Helper()
	var found console.Targets
	require.Equal(s, http.StatusOK, s.api(http.MethodGet, "/api/accounts/"+id+"/targets", nil, &found))
	for _, m := range found.Members {
		names = append(names, m.UserPrincipalName)
	}
	return names
}
