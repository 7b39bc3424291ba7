package entra_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

func TestCreateUser(t *testing.T) {
	g := newGraph(t, answer(201, `{"id":"`+userID+`","userPrincipalName":"svc-sam360@contoso.onmicrosoft.com","displayName":"SAM 360 Service"}`))
	made, err := g.client(t).CreateUser(ctx, tenant, newUser())
	require.NoError(t, err)
	assert.Equal(t, account.User{
		ObjectID: userID, UserPrincipalName: "svc-sam360@contoso.onmicrosoft.com", DisplayName: "SAM 360 Service",
		Enabled: true, Stamp: "usher:req-1",
	}, made)

	r := g.last(t)
	assert.Equal(t, "POST /v1.0/users", r.Method+" "+r.URL.Path)
	assert.JSONEq(t, golden(t, "create-user.json"), r.body)
	assert.Equal(t, "Bearer token-1", r.Header.Get("Authorization"))
	assert.Equal(t, "our-request-id", r.Header.Get("client-request-id"))
	assert.Equal(t, "usher", r.Header.Get("User-Agent"))
}

func TestCreateUserLeavesOutWhatIsNotGiven(t *testing.T) {
	g := newGraph(t, answer(201, `{"id":"x"}`))
	_, err := g.client(t).CreateUser(ctx, tenant, account.NewUser{UserPrincipalName: "a@b", MailNickname: "a", DisplayName: "A", Password: account.NewSecret("p")})
	require.NoError(t, err)
	assert.JSONEq(t, `{"@odata.type":"#microsoft.graph.user","accountEnabled":true,"displayName":"A","mailNickname":"a","userPrincipalName":"a@b",
		"passwordProfile":{"password":"p","forceChangePasswordNextSignIn":false,"forceChangePasswordNextSignInWithMfa":false}}`, g.last(t).body)
}

// A create whose outcome is unknown must reach the handler, which looks for the account.
func TestCreateUserIsNotRepeatedWhenItsOutcomeIsUnknown(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"500":  answer(500, ""),
		"503":  answer(503, graphError("serviceNotAvailable", "")),
		"504":  answer(504, "<html>"),
		"lost": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGraph(t, h)
			_, err := g.client(t).CreateUser(ctx, tenant, newUser())
			require.Error(t, err)
			assert.Equal(t, fault.Transient, fault.ClassOf(err))
			assert.Contains(t, []fault.Code{fault.ServiceUnavailable, fault.Unreachable}, fault.CodeOf(err))
			assert.Len(t, g.requests(), 1)
		})
	}
}

func TestUser(t *testing.T) {
	g := newGraph(t, answer(200, golden(t, "user.json")))
	found, err := g.client(t).User(ctx, tenant, "svc-sam360@contoso.onmicrosoft.com")
	require.NoError(t, err)
	assert.Equal(t, account.User{
		ObjectID: userID, UserPrincipalName: "svc-sam360@contoso.onmicrosoft.com", DisplayName: "SAM 360 Service",
		Enabled: true, Synced: true, Stamp: "usher:req-1", Licenses: []string{"05e9a617-0261-4cee-bb44-138d3ef5d965"},
	}, found)
	assert.Equal(t, "/v1.0/users/svc-sam360@contoso.onmicrosoft.com", g.last(t).URL.Path)
	assert.Equal(t, "id,userPrincipalName,mail,displayName,accountEnabled,onPremisesSyncEnabled,onPremisesImmutableId,onPremisesExtensionAttributes,assignedLicenses", g.last(t).URL.Query().Get("$select"))
}

func TestUserNamesWithOddCharactersStayOnePathSegment(t *testing.T) {
	g := newGraph(t, answer(200, golden(t, "user.json")))
	for _, name := range []string{"o'neil#1@contoso.com", "a/b?c@contoso.com", "$x@contoso.com"} {
		_, err := g.client(t).User(ctx, tenant, name)
		require.NoError(t, err)
		assert.Equal(t, "/v1.0/users/"+name, g.last(t).URL.Path)
	}
}

func TestUserMissing(t *testing.T) {
	g := newGraph(t, answer(404, graphError("Request_ResourceNotFound", "Resource 'x' does not exist or one of its queried reference-property objects are not present.")))
	_, err := g.client(t).User(ctx, tenant, userID)
	assert.True(t, fault.Is(err, fault.UserNotFound))
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))
}

// "Not said" must not read as "disabled".
func TestUserWithoutAccountEnabledIsNotUnderstood(t *testing.T) {
	for _, body := range []string{`{"id":"x"}`, `{"id":"x","accountEnabled":null}`, `{"id":"x","accountEnabled":"yes"}`, `{"accountEnabled":true}`, `{}`, `[]`, `null`, `"x"`, `{"id":7,"accountEnabled":true}`} {
		g := newGraph(t, answer(200, body))
		_, err := g.client(t).User(ctx, tenant, userID)
		assert.Truef(t, fault.Is(err, fault.AnswerNotUnderstood), "%s: %v", body, err)
	}
}

func TestSetEnabled(t *testing.T) {
	g := newGraph(t, answer(204, ""))
	require.NoError(t, g.client(t).SetEnabled(ctx, tenant, userID, false))
	assert.Equal(t, "PATCH /v1.0/users/"+userID, g.last(t).Method+" "+g.last(t).URL.Path)
	assert.JSONEq(t, golden(t, "disable-user.json"), g.last(t).body)

	require.NoError(t, g.client(t).SetEnabled(ctx, tenant, userID, true))
	assert.Contains(t, g.last(t).body, `"accountEnabled":true`)
}

func TestRevokeSessions(t *testing.T) {
	g := newGraph(t, answer(200, `{"value":true}`))
	require.NoError(t, g.client(t).RevokeSessions(ctx, tenant, userID))
	assert.Equal(t, "POST /v1.0/users/"+userID+"/revokeSignInSessions", g.last(t).Method+" "+g.last(t).URL.Path)
}

func TestDeletedUsers(t *testing.T) {
	g := newGraph(t, answer(200, `{"@odata.type":"#microsoft.graph.user","id":"`+userID+`","userPrincipalName":"87d3svc@contoso.com","deletedDateTime":"2026-08-20T10:17:06Z"}`))
	c := g.client(t)
	u, err := c.DeletedUser(ctx, tenant, userID)
	require.NoError(t, err)
	assert.Equal(t, "2026-08-20T10:17:06Z", u.DeletedAt.Format("2006-01-02T15:04:05Z07:00"))
	assert.Equal(t, "/v1.0/directory/deletedItems/"+userID, g.last(t).URL.Path)

	require.NoError(t, c.RestoreUser(ctx, tenant, userID))
	assert.Equal(t, "POST /v1.0/directory/deletedItems/"+userID+"/restore", g.last(t).Method+" "+g.last(t).URL.Path)
	require.NoError(t, c.PurgeUser(ctx, tenant, userID))
	assert.Equal(t, "DELETE /v1.0/directory/deletedItems/"+userID, g.last(t).Method+" "+g.last(t).URL.Path)
}

// Gone already is success when taking away, and a fault when something is wanted; but
// only Graph's own 404 says "gone": a proxy's page says nothing.
func TestGoneAlready(t *testing.T) {
	gone := newGraph(t, answer(404, graphError("Request_ResourceNotFound", "…")))
	c := gone.client(t)
	assert.NoError(t, c.DeleteUser(ctx, tenant, userID))
	assert.NoError(t, c.PurgeUser(ctx, tenant, userID))
	assert.NoError(t, c.RemoveRoleAssignment(ctx, tenant, "a"))
	for name, err := range map[string]error{
		"enable": c.SetEnabled(ctx, tenant, userID, true), "restore": c.RestoreUser(ctx, tenant, userID), "sessions": c.RevokeSessions(ctx, tenant, userID),
	} {
		assert.True(t, fault.Is(err, fault.UserNotFound), name)
	}
	for _, body := range []string{"", "<html>", "{}", graphError("UnknownError", "")} {
		c := newGraph(t, answer(404, body)).client(t)
		assert.Error(t, c.DeleteUser(ctx, tenant, userID), body)
		assert.Error(t, c.RemoveRoleAssignment(ctx, tenant, "a"), body)
	}
}

// DELETE /users/ and GET /users/ are not about one account.
func TestAnEmptyNameIsNeverSent(t *testing.T) {
	g := newGraph(t, answer(204, ""))
	c := g.client(t)
	_, err := c.User(ctx, tenant, "")
	errs := []error{err, c.DeleteUser(ctx, tenant, ""), c.DeleteUser(ctx, tenant, ".."), c.PurgeUser(ctx, tenant, ""), c.SetEnabled(ctx, tenant, "", false), c.RemoveRoleAssignment(ctx, tenant, ".")}
	for _, err := range errs {
		assert.True(t, fault.Is(err, fault.MalformedCommand), err)
	}
	assert.Empty(t, g.requests())
}
