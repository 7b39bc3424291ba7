package entra

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Whatever a server answers, an error has a code, an end, and no secret of ours.
func FuzzRefusal(f *testing.F) {
	for _, body := range []string{
		`{"error":{"code":"Request_BadRequest","message":"m","details":[{"code":"ObjectConflict","target":"userPrincipalName"}],"innerError":{"request-id":"r"}}}`,
		`{"error":{"code":"x"}}`, `{}`, `null`, `[]`, `<html>`, ``, `{"error":{"code":7,"message":{}}}`, "\x00\x00", `{"error":{"innererror":{"request-id":[]}}}`,
		`{"error":{"code":"hush-hush","message":"hush-hush"}}`,
	} {
		for _, status := range []int{302, 400, 401, 403, 404, 409, 429, 503} {
			f.Add(status, body)
		}
	}
	calls := []call{
		{doing: "create", missing: fault.UserNotFound, secret: account.NewSecret("hush-hush")},
		{doing: "assign", missing: fault.UserNotReadable, conflict: fault.RoleConflict, secret: account.NewSecret("hush-hush")},
		{doing: "list", permission: "User.Read.All", secret: account.NewSecret("hush-hush")},
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		for _, c := range calls {
			r := &refusal{status: status}
			r.read([]byte(body))
			gone := isMissing(r)
			err := classify(t.Context(), c, r)
			require.NotEqual(t, fault.Unexpected, fault.CodeOf(err))
			assert.NotContains(t, err.Error(), "hush-hush")
			assert.Less(t, len(err.Error()), 6000)
			if gone {
				assert.True(t, r.named())
			}
		}
	})
}

// A page is read whole or refused, and never runs on.
func FuzzUsersPage(f *testing.F) {
	for _, body := range []string{
		`{"value":[{"id":"a","assignedLicenses":[{"skuId":"e5"}],"onPremisesExtensionAttributes":null}],"@odata.nextLink":"https://x"}`,
		`{"value":[]}`, `{}`, `[]`, `{"value":[{"id":"a"}`, `{"value":[{}]}`, `{"value":[],"value":[]}`, `{"@odata.nextLink":1}`, "", "\xff",
		`{"value":[{"id":"a","deletedDateTime":"x"}]}`, strings.Repeat("[", 20_000),
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var users []account.User
		_, err := decodePage(strings.NewReader(body), func(w wireUser) { users = append(users, w.user()) })
		for _, u := range users {
			require.NotEmpty(t, u.ObjectID)
		}
		if err == nil {
			require.Contains(t, body, "[")
		}
	})
}

// The SDK's own parser must not panic on a success of any shape.
func FuzzUserAnswer(f *testing.F) {
	for _, body := range []string{
		`{"id":"a","accountEnabled":true,"assignedLicenses":[{"skuId":"05e9a617-0261-4cee-bb44-138d3ef5d965"}],"onPremisesExtensionAttributes":{"extensionAttribute15":"x"}}`,
		`{"id":"a","accountEnabled":true,"assignedLicenses":[null]}`, `{"id":"a","assignedLicenses":[7,{"skuId":"x"}]}`, `{"@odata.type":"#microsoft.graph.group","id":"a"}`, `[]`, `[1]`, `"x"`, `7`, `null`, `{"id":null}`, `{"onPremisesExtensionAttributes":[]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c := offline(t, func(*http.Request) io.Reader { return strings.NewReader(body) })
		u, err := c.User(t.Context(), "t", "x")
		if err == nil {
			require.NotEmpty(t, u.ObjectID)
		}
		_, err = c.DeletedUser(t.Context(), "t", "x")
		if err != nil {
			require.NotEqual(t, fault.Unexpected, fault.CodeOf(err))
		}
	})
}

func TestQueryEscape(t *testing.T) {
	assert.Equal(t, "principalId%20eq%20%27a%2Bb%23%27", queryEscape("principalId eq 'a+b#'"))
}

func TestEveryRuleHasARemedy(t *testing.T) {
	for _, r := range rules {
		assert.NotEmpty(t, r.remedy)
		assert.NotEmpty(t, r.fault)
		assert.False(t, r.bare && (r.code != "" || r.text != "" || r.detail != ""), "a bare answer has no fields: %+v", r)
	}
}
