package exchange_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
)

// FuzzAnswer gives any answer to a listing: it ends with members or with a fault, and
// what is not a listing is never read as an empty one.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"value":[{"Name":"a"}]}`)
	f.Add(200, `{"value":null}`)
	f.Add(200, `{"@odata.nextLink":"https://outlook.office365.com/x","value":[]}`)
	f.Add(400, ambiguous)
	f.Add(403, "\x00\x00\x00\x00")
	f.Add(404, exception(404, notFoundType, "x").body)
	f.Add(200, "You have reached the maximum number of concurrent requests")
	f.Fuzz(func(t *testing.T, status int, body string) {
		// A next page would repeat this one: the second address is refused as a circle.
		s := newService().withGroup().on("Get-RoleGroupMember", answer{status: status, body: body})
		_, err := client(t, s).RoleGroupMembers(t.Context(), tenant, viewOnly)
		if err != nil {
			require.NotEqual(t, fault.Unexpected, fault.CodeOf(err))
			require.NotContains(t, err.Error(), "\x00")
			return
		}
		require.True(t, status >= 200 && status < 300)
		require.True(t, strings.HasPrefix(strings.TrimSpace(body), "{"))
	})
}
