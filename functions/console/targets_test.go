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

func (d *desk) Retarget(_ context.Context, a account.Account, by, reason string, change events.AssignTargetsArgs) (account.Request, error) {
	return d.take(a.ID, by, reason, change)
}

func TestUsersOfAConnection(t *testing.T) {
	a := newAPI(t)
	const path = "/api/accounts/vendor@contoso.onmicrosoft.com/targets"
	var got console.Targets
	require.Equal(t, 200, a.call("GET", path, "", &got))
	assert.Equal(t, "contoso", got.Tenant)
	assert.Equal(t, 100, got.Limit)
	assert.Equal(t, "Adele Vance", got.Users[0].DisplayName)

	require.Equal(t, 200, a.call("POST", path, `{"by":"ann","change":"add","users":["lee@contoso.com"],"removePerUser":true}`, nil))
	assert.Equal(t, []any{"ac-4", "ann", "", events.AssignTargetsArgs{Change: "add", Users: []string{"lee@contoso.com"}, RemovePerUser: true}}, a.desk.orders)

	a.desk.orders = nil
	for body, status := range map[string]int{`{"change":"sync"}`: 400, `{"by":"ann","chnage":"sync"}`: 400, `{`: 400} {
		assert.Equal(t, status, a.call("POST", path, body, nil), body)
	}
	assert.Equal(t, 400, a.call("GET", "/api/accounts/ac-1/targets", "", nil), "a user has no users")
	assert.Equal(t, 404, a.call("GET", "/api/accounts/nobody/targets", "", nil))
	assert.Empty(t, a.desk.orders)
}

func (d *desk) Reconnect(_ context.Context, a account.Account, by, reason string) (account.Request, error) {
	return d.take(a.ID, by, reason)
}
