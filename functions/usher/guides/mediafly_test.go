package guides

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

// TestMediafly is the guide to the mail and calendar connection, in its order.
func TestMediafly(t *testing.T) {
	tell(t, byLink, func(s *stage) {
		doc := s.sample("onboard-mediafly-intelligence.json")
		doc["access"].(map[string]any)["scope"] = map[string]any{"mode": "selected", "users": []string{"AdeleV@contoso.com"}, "primaryUser": "AdeleV@contoso.com"}

		// Let users ask for admin consent, with reviewers, mails, reminders and a number of
		// days. It holds for the whole tenant, so somebody agrees to it by its name.
		id := s.parked(doc)
		assert.Contains(t, s.request(id).Parked, "tenant setting admin-consent-request-policy")
		assert.False(t, s.tenant.ConsentPolicy().Enabled, "and until then nothing is set")
		s.agreed(id)
		time.Sleep(time.Minute)
		set := s.tenant.ConsentPolicy()
		assert.Equal(t, []any{true, true, true, 30, 2}, []any{set.Enabled, set.NotifyReviewers, set.Reminders, set.Days, len(set.Reviewers)})

		// An administrator accepts the permissions.
		require.Len(t, s.asked(id), 1)
		_, page := s.answers(s.asked(id)[0].URL)
		assert.Contains(t, page, "Thank you")
		connection := s.account(s.reaches(id, account.Succeeded, time.Hour))

		// The primary user is connected first, the others after that.
		assert.Equal(t, []string{"AdeleV@contoso.com"}, s.targets(connection.ID))
		s.connects(connection, map[string]any{"change": "add", "users": []string{"LeeG@contoso.com"}})
		seen := s.connected(connection)
		assert.Equal(t, "AdeleV@contoso.com", seen.Primary.UserPrincipalName)
		require.Len(t, seen.Members, 2)
		assert.NotEmpty(t, seen.Members[1].DisplayName, "by name")

		// At one service connection the users' own connections should go away.
		require.True(t, s.tenant.UserConsents(tenantfake.CalendarAppID, "LeeG@contoso.com", "Mail.Read"))
		s.connects(connection, map[string]any{"change": "sync"})
		require.Len(t, s.connected(connection).PerUser, 1, "they are listed")
		assert.Equal(t, "LeeG@contoso.com", s.connected(connection).PerUser[0].UserPrincipalName)
		require.Len(t, s.delegatedToOne(), 1, "and stay until somebody asks")
		s.connects(connection, map[string]any{"change": "sync", "removePerUser": true})
		assert.Empty(t, s.connected(connection).PerUser)
		assert.Empty(t, s.delegatedToOne())

		// Reconnect: it takes the place of the connection.
		doc["account"].(map[string]any)["userName"] = "mediafly-two"
		doc["ticket"].(map[string]any)["revision"] = "2"
		a := s.post(doc)
		require.NotEqual(t, intake.Refused, a.Status, a.Reason)
		s.agreed(a.RequestID)
		again := s.reaches(a.RequestID, account.Succeeded, time.Hour)
		assert.Equal(t, connection.ID, again.AccountID)
		var all []console.Account
		require.Equal(t, http.StatusOK, s.api(http.MethodGet, "/api/accounts", nil, &all))
		assert.Len(t, all, 1, "nothing stands beside it")

		s.reaches(s.taken(s.sample("offboard-mediafly-intelligence.json")), account.Succeeded, 2*time.Hour)
		assert.Equal(t, s.before, s.tenant.Holdings(), "and the policy is as it was")
	})
}

// connects orders a change of a connection's users, which is done within minutes.
func (s *stage) connects(c console.Account, change map[string]any) {
	s.Helper()
	change["by"] = "itops@contoso.com"
	var ordered console.Request
	require.Equal(s, http.StatusOK, s.api(http.MethodPost, "/api/accounts/"+c.ID+"/targets", change, &ordered))
	s.reaches(ordered.ID, account.Succeeded, 10*time.Minute)
}

// connected is whom a connection is for.
func (s *stage) connected(c console.Account) (found console.Targets) {
	s.Helper()
	require.Equal(s, http.StatusOK, s.api(http.MethodGet, "/api/accounts/"+c.ID+"/targets", nil, &found))
	return found
}

// delegatedToOne are the consents of single users in the tenant.
func (s *stage) delegatedToOne() []tenantfake.DelegatedGrant {
	return slices.DeleteFunc(s.tenant.DelegatedGrants(), func(g tenantfake.DelegatedGrant) bool { return g.PrincipalID == "" })
}

// The guide's three messages, each in words of its own and with what to do. Where an
// administrator has to consent, the request waits for them and goes on from there.
func TestMediaflyExplainsItsErrors(t *testing.T) {
	for message, c := range map[string]struct {
		refused tenantfake.Decision
		within  time.Duration
		code    fault.Code
		says    string
	}{
		"Insufficient privileges": {
			tenantfake.Decision{Kind: tenantfake.Refused, Status: http.StatusForbidden, Code: "Authorization_RequestDenied", Message: "Insufficient privileges to complete the operation."},
			time.Minute, fault.PermissionMissing, "no administrator has consented to",
		},
		"Authorization identity not found": {
			tenantfake.Decision{Kind: tenantfake.Refused, Status: http.StatusUnauthorized, Code: "Authorization_IdentityNotFound", Message: "The identity of the calling application could not be established."},
			20 * time.Minute, fault.IdentityNotFound, "Admin consent is needed",
		},
	} {
		t.Run(message, func(t *testing.T) {
			tell(t, approvers, func(s *stage) {
				granted := s.server.Fault(tenantfake.Fault{Times: -1, Path: "/servicePrincipals*", Decision: c.refused})
				id := s.parked(s.sample("onboard-mediafly-intelligence.json"))
				s.agreed(id)
				time.Sleep(c.within)
				require.Equal(t, account.Parked, s.request(id).State)
				told := s.heard(id, events.StatusParked)
				last := told[len(told)-1]
				assert.Equal(t, string(c.code), last.FaultCode)
				assert.Contains(t, last.Reason+" "+last.NextAction, c.says)

				granted()
				require.Equal(t, http.StatusOK, s.approve(id, "ann@contoso.com"))
				s.reaches(id, account.Succeeded, time.Hour)
			})
		})
	}
	tell(t, approvers, func(s *stage) {
		doc := s.sample("onboard-mediafly-intelligence.json")
		doc["access"].(map[string]any)["scope"] = map[string]any{"mode": "selected", "users": []string{"LeeX@contoso.com"}}
		id := s.parked(doc)
		s.agreed(id)
		time.Sleep(5 * time.Minute)
		told := s.heard(id, events.StatusFailed)
		require.Len(t, told, 1)
		assert.Equal(t, string(fault.UserNotFound), told[0].FaultCode)
		assert.Contains(t, told[0].Reason, `unable to find a user matching "LeeX@contoso.com"`)

		doc["access"].(map[string]any)["scope"] = map[string]any{"mode": "selected", "users": []string{"LeeG@contoso.com"}}
		doc["ticket"].(map[string]any)["revision"] = "2"
		a := s.post(doc)
		require.NotEqual(t, intake.Refused, a.Status, a.Reason)
		s.agreed(a.RequestID)
		s.reaches(a.RequestID, account.Succeeded, time.Hour)
	})
}

// The read-only variant asks for less. Microsoft's page grants what the vendor's
// registration lists, and a broader permission is not taken for a narrower one.
func TestMediaflyReadOnly(t *testing.T) {
	tell(t, byLink, func(s *stage) {
		doc := s.sample("onboard-mediafly-intelligence.json")
		doc["access"].(map[string]any)["readOnly"] = true
		id, link := s.awaits(doc)
		assert.Contains(t, s.asked(id)[0].Permissions, "Mail.Read (delegated)")
		assert.NotContains(t, s.asked(id)[0].Permissions, "Mail.ReadWrite (delegated)")
		_, page := s.answers(link)
		assert.Contains(t, page, "Thank you")
		time.Sleep(time.Hour)
		r := s.request(id)
		assert.Equal(t, account.Waits, r.State)
		assert.Contains(t, step(t, r, "grantconsent").Fault, "Mail.Read (delegated)")
	})
	tell(t, approvers, func(s *stage) {
		for sample, permissions := range map[string][]string{
			"onboard-mediafly-intelligence.json": nil,
			"onboard-trendmicro-cas.json":        {"Directory.Read.All", "Files.Read.All", "Group.Read.All", "Mail.Read", "Sites.Read.All", "User.Read.All"},
		} {
			doc := s.sample(sample)
			doc["access"].(map[string]any)["readOnly"] = true
			a := s.post(doc)
			require.NotEqual(t, intake.Refused, a.Status, a.Reason)
			s.agreed(a.RequestID)
			r := s.reaches(a.RequestID, account.Succeeded, time.Hour)
			for _, app := range s.tenant.Apps() {
				if app.ClientID == s.account(r).AppID {
					assert.ElementsMatch(t, permissions, app.Graph, sample)
					assert.Empty(t, app.Exchange, sample)
				}
			}
		}
		for _, g := range s.tenant.DelegatedGrants() {
			assert.NotContains(t, g.Scope, "Write")
			assert.NotContains(t, g.Scope, "Send")
		}
		assert.Len(t, s.tenant.DelegatedGrants(), 1)
	})
}

// What the page grants beyond what was wanted came with our link, and goes with it.
func TestMediaflyConnectsAndGoes(t *testing.T) {
	tell(t, byLink, func(s *stage) {
		doc := s.sample("onboard-mediafly-intelligence.json")
		access := doc["access"].(map[string]any)
		access["scope"] = map[string]any{"mode": "selected", "users": []string{"AdeleV@contoso.com"}, "primaryUser": "AdeleV@contoso.com"}
		access["appConsents"] = []any{map[string]any{
			"appId": "3a6c1f52-0d84-4e7b-9c15-7b20e4d9a002", "displayName": "Mediafly Intelligence connector", "resource": "Microsoft Graph",
			"type": "delegated", "permissions": []any{"Mail.ReadWrite", "User.Read"},
		}}
		id, link := s.awaits(doc)
		_, page := s.answers(link)
		assert.Contains(t, page, "Thank you")
		r := s.reaches(id, account.Succeeded, time.Hour)
		assert.Contains(t, step(t, r, "grantconsent").Detail, "its registration also asked for")
		held := strings.Join(s.tenant.Holdings(), "\n")
		assert.Contains(t, held, "permission User.Read.All of Mediafly Intelligence connector")
		assert.Equal(t, []string{"AdeleV@contoso.com"}, s.targets(s.account(r).ID))

		over := s.taken(s.sample("offboard-mediafly-intelligence.json"))
		s.reaches(over, account.Succeeded, 2*time.Hour)
		assert.Equal(t, s.before, s.tenant.Holdings(), "what came with the consent is gone too")
	})
}
