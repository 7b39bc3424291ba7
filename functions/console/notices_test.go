package console_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/ledger"
)

func TestNotices(t *testing.T) {
	a := newAPI(t)
	a.books.notices = []ledger.Notice{{
		Key: "owner.gone/x", Tenant: contoso.ID, AccountID: "ac-1", Kind: "owner.gone", Text: "the owner is gone", RaisedAt: now, Mail: []string{"jane@contoso.com"},
	}}
	var found []console.Notice
	require.Equal(t, http.StatusOK, a.call("GET", "/api/notices", "", &found))
	assert.Equal(t, []console.Notice{{
		Key: "owner.gone/x", Kind: "owner.gone", Open: true, Tenant: "contoso", TenantID: contoso.ID, AccountID: "ac-1", Text: "the owner is gone",
		Mail: []string{"jane@contoso.com"}, RaisedAt: now,
	}}, found)
	assert.Equal(t, ledger.NoticeFilter{Open: true}, a.books.noticed)

	require.Equal(t, http.StatusOK, a.call("GET", "/api/notices?all=1&tenant=contoso&limit=5&account=sam@contoso.onmicrosoft.com", "", &found))
	assert.Equal(t, ledger.NoticeFilter{Tenant: contoso.ID, AccountID: "ac-1", Limit: 5}, a.books.noticed)
}

func TestNoticesRefused(t *testing.T) {
	a := newAPI(t)
	for path, want := range map[string]int{
		"/api/notices?all=maybe": http.StatusBadRequest, "/api/notices?limit=x": http.StatusBadRequest,
		"/api/notices?tenant=nobody": http.StatusNotFound, "/api/notices?account=nobody@contoso.com": http.StatusNotFound,
	} {
		assert.Equal(t, want, a.call("GET", path, "", nil), path)
	}
	assert.Equal(t, http.StatusMethodNotAllowed, a.call("POST", "/api/notices", "{}", nil))
}
