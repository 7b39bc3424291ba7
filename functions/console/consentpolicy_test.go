package console_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
)

func TestTheConsentPolicyOverTheAPI(t *testing.T) {
	a := newAPI(t)
	const path = "/api/consent-policy/contoso"
	require.Equal(t, 404, a.call("GET", path, "", nil), "this process makes no calls to tenants")
	a.options.PlanConsentPolicy = func(_ context.Context, _ account.TenantID, asked events.ConsentPolicy) (now, want account.ConsentPolicy, err error) {
		return account.ConsentPolicy{Days: 7}, account.ConsentPolicy{Days: asked.RequestExpiresDays}, nil
	}
	var view console.ConsentPolicy
	require.Equal(t, 200, a.call("GET", path, "", &view))
	assert.Equal(t, console.ConsentPolicy{Tenant: "contoso", Now: account.ConsentPolicy{Days: 7}}, view)
	require.Equal(t, 200, a.call("POST", path, `{"access":{"consentPolicy":{"requestExpiresDays":30}}}`, &view))
	assert.Equal(t, []string{"days until a request expires: 7 -> 30"}, view.Changes)
	assert.Equal(t, 400, a.call("POST", path, `{"access":{}}`, nil), "it asks for no policy")
	assert.Equal(t, 400, a.call("POST", path, `{"tenant":{"alias":"fabrikam"},"access":{"consentPolicy":{"requestExpiresDays":30}}}`, nil))
	assert.Equal(t, 404, a.call("GET", "/api/consent-policy/nowhere", "", nil))
}
