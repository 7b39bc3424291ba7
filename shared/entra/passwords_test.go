package entra_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

const anotherOne = "Another-Long-Password-2"

func TestSetPasswordOnTheWire(t *testing.T) {
	g := newGraph(t, answer(204, ""))
	c := g.client(t)
	for range 2 {
		require.NoError(t, c.SetPassword(ctx, tenant, userID, account.NewSecret(anotherOne)))
		assert.Equal(t, "PATCH /v1.0/users/"+userID, g.last(t).Method+" "+g.last(t).URL.Path)
		assert.JSONEq(t, strings.Replace(golden(t, "set-password.json"), "PASSWORD", anotherOne, 1), g.last(t).body, "also the second time: an empty change would report success")
	}
}

func TestSetPasswordRefusals(t *testing.T) {
	complexity := "The specified password does not comply with password complexity requirements. Please provide a different password. " + anotherOne
	for name, c := range map[string]struct {
		status     int
		code, text string
		want       fault.Code
	}{
		"too weak":         {400, "Request_BadRequest", complexity, fault.PasswordRejected},
		"an administrator": {403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.", fault.PermissionMissing},
		"gone":             {404, "Request_ResourceNotFound", "Resource 'x' does not exist.", fault.UserNotFound},
		"synced":           {400, "Request_BadRequest", "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.", fault.UserSynced},
	} {
		g := newGraph(t, answer(c.status, graphError(c.code, c.text)))
		err := g.client(t).SetPassword(ctx, tenant, userID, account.NewSecret(anotherOne))
		assert.Truef(t, fault.Is(err, c.want), "%s: %v", name, err)
		assert.NotContains(t, err.Error(), anotherOne, name)
	}
}

func TestNoPasswordIsNotSent(t *testing.T) {
	g := newGraph(t, answer(204, ""))
	assert.True(t, fault.Is(g.client(t).SetPassword(ctx, tenant, userID, account.Secret{}), fault.MalformedCommand))
	assert.True(t, fault.Is(g.client(t).SetPassword(ctx, tenant, "", account.NewSecret(anotherOne)), fault.MalformedCommand))
	assert.Empty(t, g.requests())
}

func TestPasswordChangedAt(t *testing.T) {
	g := newGraph(t, answer(200, `{"id":"x","lastPasswordChangeDateTime":"2026-11-21T20:04:10Z"}`))
	at, err := g.client(t).PasswordChangedAt(ctx, tenant, userID)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 11, 21, 20, 4, 10, 0, time.UTC), at)
	assert.Equal(t, "id,lastPasswordChangeDateTime", g.last(t).URL.Query().Get("$select"))
	for _, body := range []string{`{"id":"x"}`, `{"lastPasswordChangeDateTime":null}`, `{"lastPasswordChangeDateTime":"soon"}`, `[]`, ``} {
		g := newGraph(t, answer(200, body))
		_, err := g.client(t).PasswordChangedAt(ctx, tenant, userID)
		assert.Truef(t, fault.Is(err, fault.AnswerNotUnderstood), "%s: %v", body, err)
	}
}

// An administrator's password is out of our reach until the role is taken away; the old
// password works until then, and the new one from then on.
func TestTheNewPasswordWorksAndTheOldOneDoesNot(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	server := tenantfake.New(tenantfake.Options{Strict: true, Now: func() time.Time { return now }})
	world := server.AddTenant(tenantfake.DefaultTenant())
	c := clientOf(t, server, tenantfake.DefaultClientSecret)
	id := create(t, c).ObjectID
	before, err := c.PasswordChangedAt(ctx, tenant, id)
	require.NoError(t, err)
	assignment, err := c.AssignRole(ctx, tenant, id, serviceSupportAdministrator)
	require.NoError(t, err)

	now = now.Add(time.Hour)
	err = c.SetPassword(ctx, tenant, id, account.NewSecret(anotherOne))
	assert.True(t, fault.Is(err, fault.PermissionMissing), err)
	assert.True(t, world.CheckPassword(newUser().UserPrincipalName, password))
	require.NoError(t, c.RemoveRoleAssignment(ctx, tenant, assignment))
	require.NoError(t, c.SetPassword(ctx, tenant, id, account.NewSecret(anotherOne)))
	assert.True(t, world.CheckPassword(newUser().UserPrincipalName, anotherOne))
	assert.False(t, world.CheckPassword(newUser().UserPrincipalName, password))
	after, err := c.PasswordChangedAt(ctx, tenant, id)
	require.NoError(t, err)
	assert.True(t, after.After(before), "%s, %s", before, after)
	assert.Empty(t, server.SchemaViolations())
}
