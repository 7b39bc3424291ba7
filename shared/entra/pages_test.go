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

func all(c *entra.Client) (users []account.User, err error) {
	for u, err := range c.Users(ctx, tenant) {
		if err != nil {
			return users, err
		}
		users = append(users, u)
	}
	return users, nil
}

func TestUsersStreamsEveryPage(t *testing.T) {
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

func TestUsersStopsWhenTheReaderDoes(t *testing.T) {
	g := newGraph(t, directory(2500))
	for range g.client(t).Users(ctx, tenant) {
		break
	}
	assert.Len(t, g.requests(), 1)
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
