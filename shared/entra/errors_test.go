package entra_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
)

const duplicate = `{"error":{"code":"Request_BadRequest","message":"Another object with the same value for property userPrincipalName already exists.",
	"details":[{"code":"ObjectConflict","message":"…","target":"userPrincipalName"},{"code":"ConflictingObjects","message":"…","target":"User_1"}],"innerError":{}}}`

func bad(message string) string { return graphError("Request_BadRequest", message) }

func TestRefusalsOfACreate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		code   fault.Code
		class  fault.Class
		// text names the remedy.
		text string
	}{
		{"name taken", 400, duplicate, fault.NameTaken, fault.Permanent, "another name"},
		{"name taken, old shape", 400, `{"error":{"code":"Request_BadRequest","details":[{"code":"ObjectConflict","target":"userPrincipalName"}]}}`, fault.NameTaken, fault.Permanent, "adopted"},
		{"name taken, no details", 400, bad("Another object with the same value for property userPrincipalName already exists."), fault.NameTaken, fault.Permanent, "another name"},
		{"other property taken", 400, `{"error":{"code":"Request_BadRequest","message":"x","details":[{"code":"ObjectConflict","target":"proxyAddresses"}]}}`, fault.GraphRequestRejected, fault.Transient, "proxyAddresses"},
		{"weak password", 400, bad("The specified password does not comply with password complexity requirements. Please provide a different password."), fault.PasswordRejected, fault.Transient, "another password"},
		{"unverified domain", 400, bad("The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization."), fault.DomainNotVerified, fault.Permanent, "onmicrosoft.com"},
		{"bad name", 400, `{"error":{"code":"Request_BadRequest","message":"x","details":[{"code":"InvalidValue","target":"userPrincipalName"}]}}`, fault.NameInvalid, fault.Permanent, "letters"},
		{"bad name, text", 400, bad("Property userPrincipalName is invalid."), fault.NameInvalid, fault.Permanent, "letters"},
		{"bad value", 400, bad("One or more properties contains invalid values."), fault.GraphRequestRejected, fault.Permanent, "correct the request"},
		{"transient bad value", 400, bad("One or more property values specified are invalid."), fault.GraphRequestRejected, fault.Transient, "tried"},
		{"synced", 400, bad("Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration."), fault.UserSynced, fault.Permanent, "on-premises"},
		{"unknown text", 400, bad("The moon is in the wrong house."), fault.GraphRequestRejected, fault.Transient, "moon"},
		{"quota", 403, graphError("Directory_QuotaExceeded", "…"), fault.QuotaExceeded, fault.Permanent, "quota"},
		{"no permission", 403, graphError("Authorization_RequestDenied", "Insufficient privileges to complete the operation."), fault.PermissionMissing, fault.Permanent, "User.ReadWrite.All"},
		{"no permission, in an administrator's words", 403, graphError("Authorization_RequestDenied", "Insufficient privileges to complete the operation."), fault.PermissionMissing, fault.Permanent, "no administrator has consented"},
		{"no permission, other workload", 403, graphError("AccessDenied", "…"), fault.PermissionMissing, fault.Permanent, "admin consent"},
		{"no consent", 401, graphError("Authorization_IdentityNotFound", "The identity of the calling application could not be established."), fault.IdentityNotFound, fault.Waiting, "admin consent"},
		{"bad token", 401, graphError("InvalidAuthenticationToken", "Access token validation failure."), fault.TokenRejected, fault.Permanent, "cloud"},
		{"bad token, empty", 401, "", fault.TokenRejected, fault.Permanent, "cloud"},
		{"throttled", 429, graphError("TooManyRequests", "…"), fault.Throttled, fault.Transient, "limits"},
		{"conflict", 409, graphError("Request_MultipleObjectsWithSameKeyValue", "…"), fault.ServiceUnavailable, fault.Transient, "again"},
		{"precondition", 412, "", fault.ServiceUnavailable, fault.Transient, "again"},
		{"locked", 423, "", fault.ServiceUnavailable, fault.Transient, "again"},
		{"request time-out", 408, "", fault.ServiceUnavailable, fault.Transient, "again"},
		{"server error", 500, graphError("UnknownError", ""), fault.ServiceUnavailable, fault.Transient, "service health"},
		{"not offered", 501, graphError("NotImplemented", "This operation target is not yet supported."), fault.GraphRequestRejected, fault.Permanent, "cloud"},
		{"method", 405, bad("Specified HTTP method is not allowed for the request target."), fault.GraphRequestRejected, fault.Permanent, "endpoint"},
		{"gateway", 404, graphError("UnknownError", ""), fault.ServiceUnavailable, fault.Transient, "gateway"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newGraph(t, answer(tc.status, tc.body)).options()
			o.Retries = -1
			_, err := mustClient(t, o).CreateUser(ctx, tenant, newUser())
			require.Error(t, err)
			assert.Equal(t, tc.code, fault.CodeOf(err), err)
			assert.Equal(t, tc.class, fault.ClassOf(err))
			if tc.text != "proxyAddresses" {
				assert.Contains(t, err.Error(), tc.text)
			}
			assert.Contains(t, err.Error(), "create user svc-sam360@contoso.onmicrosoft.com")
			assert.Contains(t, err.Error(), "request-id server-request-id, client-request-id our-request-id")
		})
	}
}

// Without a role, a conflict of objects is a name that is taken only where the name is meant.
func TestConflictHasItsMeaningFromTheCall(t *testing.T) {
	c := newGraph(t, answer(400, duplicate)).client(t)
	assert.True(t, fault.Is(c.RestoreUser(ctx, tenant, userID), fault.NameTaken))
}

func TestDisablingAnAdministratorNamesTheDirectoryRole(t *testing.T) {
	c := newGraph(t, answer(403, graphError("Authorization_RequestDenied", "Insufficient privileges to complete the operation."))).client(t)
	err := c.SetEnabled(ctx, tenant, userID, false)
	assert.True(t, fault.Is(err, fault.PermissionMissing))
	assert.Contains(t, err.Error(), "Privileged Authentication Administrator")
}

func TestRetryAfterOfAnUnavailableService(t *testing.T) {
	for value, want := range map[string]time.Duration{"120": 2 * time.Minute, "Thu, 20 Aug 2026 10:18:06 GMT": time.Minute} {
		o := newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(503)
		}).options()
		o.Retries = -1
		o.Now = func() time.Time { return time.Date(2026, 8, 20, 10, 17, 6, 0, time.UTC) }
		_, err := mustClient(t, o).User(ctx, tenant, userID)
		assert.Equal(t, want, fault.RetryAfter(err))
	}
}

// A server may send back what it got; a log must not show it.
func TestNoSecretComesBackInAnError(t *testing.T) {
	token := jwt(`{"roles":["canary"]}`)
	for _, body := range []string{
		bad("Your password " + password + " and token " + token + " are\r\nnot " + strings.Repeat("good ", 1000)),
		`{"error":{"code":"` + token + `","message":"x"}}`,
		`{"id":"` + strings.Repeat(token, 3),
		password,
	} {
		for _, status := range []int{200, 400, 500} {
			g := newGraph(t, answer(status, body))
			g.credential.jwt = token
			_, err := g.client(t).CreateUser(ctx, tenant, newUser())
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "canary")
			assert.NotContains(t, err.Error(), token)
			assert.NotContains(t, err.Error(), "\n")
			assert.Less(t, len(err.Error()), 1500)
		}
	}
}
