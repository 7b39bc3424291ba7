package entra_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/fault"
)

// directory serves n users, in pages of the size asked for.
func directory(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, err := strconv.Atoi(r.URL.Query().Get("from"))
		if err != nil {
			from = 0
		}
		to := min(from+999, n)
		var users []string
		for i := from; i < to; i++ {
			users = append(users, fmt.Sprintf(`{"id":"u%d","userPrincipalName":"u%d@contoso.com","accountEnabled":true,"onPremisesSyncEnabled":null,"assignedLicenses":[{"skuId":"e5"}],"newThing":{"a":[1]}}`, i, i))
		}
		next := ""
		if to < n {
			next = fmt.Sprintf(`,"@odata.nextLink":"https://%s/v1.0/users?from=%d"`, r.Host, to)
		}
		write(w, 200, `{"@odata.context":"x","value":[`+strings.Join(users, ",")+`]`+next+`}`)
	}
}

// all reads the users page by page.
func all(c *entra.Client) (users []account.User, err error) {
	for cursor, more := "", true; more; more = cursor != "" {
		var page []account.User
		if page, cursor, err = c.UserPage(ctx, tenant, cursor); err != nil {
			return users, err
		}
		users = append(users, page...)
	}
	return users, nil
}

func TestUsersOfEveryPage(t *testing.T) {
	g := newGraph(t, directory(2500))
	users, err := all(g.client(t))
	require.NoError(t, err)
	require.Len(t, users, 2500)
	assert.Equal(t, account.User{ObjectID: "u2499", UserPrincipalName: "u2499@contoso.com", Enabled: true, Licenses: []string{"e5"}}, users[2499])
	require.Len(t, g.requests(), 3)
	first := g.requests()[0]
	assert.Equal(t, "999", first.URL.Query().Get("$top"))
	assert.Contains(t, first.URL.Query().Get("$select"), "assignedLicenses")
	assert.Equal(t, "low", first.Header.Get("x-ms-throttle-priority"))
}

// Another process, which has nothing but the cursor, goes on where the first one ended.
func TestUsersGoOnInAnotherProcess(t *testing.T) {
	g := newGraph(t, directory(2500))
	first, cursor, err := g.client(t).UserPage(ctx, tenant, "")
	require.NoError(t, err)
	second, cursor, err := g.client(t).UserPage(ctx, tenant, cursor)
	require.NoError(t, err)
	third, cursor, err := g.client(t).UserPage(ctx, tenant, cursor)
	require.NoError(t, err)
	assert.Equal(t, []string{"u0", "u999", "u1998"}, []string{first[0].ObjectID, second[0].ObjectID, third[0].ObjectID})
	assert.Empty(t, cursor)
	assert.Len(t, g.requests(), 3)
}

// What Graph answers to a cursor that it has forgotten differs; on the first page it
// would be another matter.
func TestAForgottenCursor(t *testing.T) {
	for name, refusal := range map[string]http.HandlerFunc{
		"expired page token":   answer(400, graphError("Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request.")),
		"a token not accepted": answer(400, graphError("Request_BadRequest", "Skip token contains invalid values.")),
		"gone":                 answer(410, graphError("syncStateNotFound", "start over")),
	} {
		t.Run(name, func(t *testing.T) {
			g := newGraph(t, refusal)
			_, _, err := g.client(t).UserPage(ctx, tenant, g.URL+"/v1.0/users?$skiptoken=old")
			assert.Equal(t, fault.ListingExpired, fault.CodeOf(err), "%v", err)
			assert.Equal(t, fault.Transient, fault.ClassOf(err))
			_, _, err = g.client(t).UserPage(ctx, tenant, "")
			require.Error(t, err)
			assert.NotEqual(t, fault.ListingExpired, fault.CodeOf(err))
		})
	}
	for name, other := range map[string]http.HandlerFunc{
		"not Graph": answer(400, "<html>"), "throttled": answer(429, graphError("TooManyRequests", "slow down")),
		"forbidden": answer(403, graphError("Authorization_RequestDenied", "no")),
	} {
		t.Run(name, func(t *testing.T) {
			g := newGraph(t, other)
			_, _, err := g.client(t).UserPage(ctx, tenant, g.URL+"/v1.0/users?$skiptoken=old")
			require.Error(t, err)
			assert.NotEqual(t, fault.ListingExpired, fault.CodeOf(err))
		})
	}
}

func TestUsersOfAnEmptyTenant(t *testing.T) {
	users, err := all(newGraph(t, answer(200, `{"value":[]}`)).client(t))
	require.NoError(t, err)
	assert.Empty(t, users)
}

// Half a listing must never look like a whole one: accounts would seem to be gone.
func TestBrokenPageIsNeverTheEnd(t *testing.T) {
	for _, body := range []string{
		``, `{}`, `[]`, `null`, `<html>`, `{"value":null}`, `{"value":{}}`, `{"value":[{"id":"a"}`, `{"value":[{"id":"a"}]`,
		`{"value":[{}]}`, `{"value":[{"id":7}]}`, `{"value":[null]}`, `{"value":[]}x`, `{"value":[],"value":[]}`, `{"value":[],"@odata.nextLink":7}`,
	} {
		g := newGraph(t, answer(200, body))
		users, err := all(g.client(t))
		assert.Truef(t, fault.Is(err, fault.AnswerNotUnderstood), "%s: %v", body, err)
		assert.Empty(t, users)
		assert.Len(t, g.requests(), 2, "a broken page is read once more")
	}
}

func TestPageThatBreaksOffIsReadAgainWithoutYieldingTwice(t *testing.T) {
	broken := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		write(w, 200, `{"value":[{"id":"a"},{"id":"b"}`)
	}
	g := newGraph(t, sequence(broken, answer(200, `{"value":[{"id":"a"},{"id":"b"},{"id":"c"}]}`)))
	users, err := all(g.client(t))
	require.NoError(t, err)
	assert.Len(t, users, 3)
}

func TestErrorOnALaterPageEndsTheListing(t *testing.T) {
	g := newGraph(t, sequence(directory(2500), answer(403, graphError("Authorization_RequestDenied", "Insufficient privileges to complete the operation."))))
	users, err := all(g.client(t))
	assert.Len(t, users, 999)
	assert.True(t, fault.Is(err, fault.PermissionMissing))
	assert.Contains(t, err.Error(), "User.Read.All")
}

func TestNextLinkToTheSamePageEnds(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		write(w, 200, `{"value":[{"id":"a"}],"@odata.nextLink":"https://`+r.Host+r.URL.String()+`"}`)
	})
	_, err := all(g.client(t))
	assert.True(t, fault.Is(err, fault.AnswerNotUnderstood))
}

func TestDomains(t *testing.T) {
	g := newGraph(t, answer(200, `{"value":[
		{"id":"contoso.onmicrosoft.com","authenticationType":"Managed","isInitial":true,"isVerified":true,"availabilityStatus":null},
		{"id":"contoso.com","authenticationType":"Federated","isInitial":false,"isVerified":false}]}`))
	got, err := g.client(t).Domains(ctx, tenant)
	require.NoError(t, err)
	assert.Equal(t, []account.Domain{
		{Name: "contoso.onmicrosoft.com", Initial: true, Verified: true},
		{Name: "contoso.com", Federated: true},
	}, got)
	assert.Equal(t, "/v1.0/domains", g.last(t).URL.Path)
}
