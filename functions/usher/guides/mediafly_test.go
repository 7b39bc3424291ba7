package guides

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
)

// TestMediafly is the guide to the mail and calendar connection: an administrator accepts,
// a primary user connects first, and everything goes again.
func TestMediafly(t *testing.T) {
	tell(t, byLink, func(s *stage) {
		doc := s.sample("onboard-mediafly-intelligence.json")
		access := doc["access"].(map[string]any)
		access["readOnly"] = true
		access["scope"] = map[string]any{"mode": "selected", "users": []string{"AdeleV@contoso.com"}, "primaryUser": "AdeleV@contoso.com"}

		// An administrator accepts the permissions: Microsoft's page shows all that the
		// vendor's registration lists.
		id, link := s.awaits(doc)
		assert.Contains(t, s.asked(id)[0].Permissions, "Mail.Read (delegated)")
		assert.NotContains(t, s.asked(id)[0].Permissions, "Mail.ReadWrite (delegated)")
		_, page := s.answers(link)
		assert.Contains(t, page, "Thank you")

		// That holds less than what the read-only variant needs, so it does not count.
		time.Sleep(time.Hour)
		r := s.request(id)
		assert.Equal(t, account.Waits, r.State)
		assert.Contains(t, step(t, r, "grantconsent").Fault, "Mail.Read (delegated)")
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
