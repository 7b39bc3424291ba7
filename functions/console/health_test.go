package console_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

func TestCredentialsAreLookedAtNow(t *testing.T) {
	a := newAPI(t)
	assert.Equal(t, http.StatusNotFound, a.call("POST", "/api/probe", "", nil), "this process calls no tenant")

	a.options.Probe = func(_ context.Context, tenant account.Tenant) ([]string, error) {
		a.books.notices = []ledger.Notice{{Key: "k", Tenant: tenant.ID, Kind: "consent.missing", Text: "gone", RaisedAt: now}}
		return []string{"the consent of x: away"}, nil
	}
	var found []console.Health
	require.Equal(t, http.StatusOK, a.call("POST", "/api/probe?tenant=contoso", "", &found))
	require.Len(t, found, 1)
	assert.Equal(t, "contoso", found[0].Tenant)
	assert.Equal(t, []string{"the consent of x: away"}, found[0].Unknown)
	assert.Equal(t, "consent.missing", found[0].Open[0].Kind)
	assert.True(t, a.books.noticed.Open)
	assert.Equal(t, http.StatusNotFound, a.call("POST", "/api/probe?tenant=nobody", "", nil))

	a.options.Probe = func(context.Context, account.Tenant) ([]string, error) { return nil, errors.New("broken") }
	assert.Equal(t, http.StatusServiceUnavailable, a.call("POST", "/api/probe", "", nil))
}

func TestAConnectionIsReconnectedByName(t *testing.T) {
	a := newAPI(t)
	const path = "/api/accounts/vendor@contoso.onmicrosoft.com/reconnect"
	assert.Equal(t, http.StatusBadRequest, a.call("POST", path, `{}`, nil), "nobody's name")
	assert.Equal(t, http.StatusBadRequest, a.call("POST", path, `{"who":"ann"}`, nil))
	assert.Equal(t, http.StatusNotFound, a.call("POST", "/api/accounts/nobody@contoso.com/reconnect", `{"by":"ann"}`, nil))
	require.Equal(t, http.StatusOK, a.call("POST", path, `{"by":"ann","reason":"withdrawn by mistake"}`, nil))
	assert.Equal(t, []any{"ac-4", "ann", "withdrawn by mistake"}, a.desk.orders)
}
