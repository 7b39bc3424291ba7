package console_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/policy"
)

const annsToken = "the-token-of-ann-and-of-nobody-else"

// provenAPI is one where Ann has a token of her own, and Bob has none.
func provenAPI(t *testing.T) *api {
	a := newAPI(t)
	ann := policy.Person{ID: "ann@contoso.com", Name: "Ann Ash", Email: "ann.ash@contoso.com", Also: []string{"aash"}}
	a.options.Bearers = []policy.Bearer{{Person: ann, Token: account.NewSecret(annsToken)}}
	return a
}

func (a *api) as(token, method, path, body string, out any) int {
	a.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	return a.send(r, out)
}

const approving = "/api/requests/rq-1/approve"

func TestAnApproversTokenSaysWhoApproves(t *testing.T) {
	for _, body := range []string{"", "{}", `{"by":"ann@contoso.com"}`, `{"by":"ANN.ASH@contoso.com"}`, `{"by":" aash "}`} {
		a := provenAPI(t)
		require.Equal(t, 200, a.as(annsToken, "POST", approving, body, nil), body)
		assert.Equal(t, []any{"rq-1", account.Approval{By: "ann@contoso.com", Via: "console", Proof: account.ProofToken}}, a.desk.orders)
	}
}

func TestNobodyApprovesAsSomebodyElse(t *testing.T) {
	for name, c := range map[string]struct {
		token, body string
		status      int
		says        string
	}{
		"AnnAsBob":         {annsToken, `{"by":"bob@contoso.com"}`, 403, `the token is that of ann@contoso.com, who cannot approve as "bob@contoso.com"`},
		"AnnAsHerName":     {annsToken, `{"by":"Ann Ash"}`, 403, "cannot approve as"},
		"AnnAsBlank":       {annsToken, `{"by":" "}`, 403, "cannot approve as"},
		"SharedAsAnn":      {token, `{"by":"ann@contoso.com"}`, 403, "ann@contoso.com has a token of their own"},
		"SharedAsAnnsMail": {token, `{"by":" Ann.Ash@Contoso.com "}`, 403, "has a token of their own"},
		"SharedAsAlso":     {token, `{"by":"AASH"}`, 403, "has a token of their own"},
		"SharedAsNobody":   {token, `{}`, 400, `needs a name in "by"`},
		"NobodysToken":     {annsToken[:20], `{"by":"ann@contoso.com"}`, 401, "missing or wrong"},
		"NoToken":          {"", `{"by":"ann@contoso.com"}`, 401, "missing or wrong"},
		"BadBody":          {annsToken, `{"by":1}`, 400, "not as expected"},
		"BadWay":           {annsToken, `{"via":"pigeon"}`, 400, "via is console or cli"},
	} {
		t.Run(name, func(t *testing.T) {
			a := provenAPI(t)
			var got failure
			assert.Equal(t, c.status, a.as(c.token, "POST", approving, c.body, &got))
			assert.Contains(t, got.Error.Message, c.says)
			assert.NotContains(t, fmt.Sprint(got), annsToken)
			assert.Empty(t, a.desk.orders)
		})
	}
}

func TestWithoutATokenOfTheirOwnAnApproverIsClaimed(t *testing.T) {
	a := provenAPI(t)
	require.Equal(t, 200, a.call("POST", approving, `{"by":"bob@contoso.com"}`, nil))
	assert.Equal(t, []any{"rq-1", account.Approval{By: "bob@contoso.com", Via: "console", Proof: account.ProofClaim}}, a.desk.orders)
}

func TestAnApproverSeesWhatIsAskedAndNothingElse(t *testing.T) {
	a := provenAPI(t)
	for _, path := range []string{"/api/requests", "/api/requests?open=1", "/api/requests/rq-1"} {
		assert.Equal(t, 200, a.as(annsToken, "GET", path, "", nil), path)
	}
	for _, order := range []string{
		"POST /api/requests/rq-1/undo", "POST /api/requests/rq-1/consent-link", "GET /api/accounts", "GET /api/accounts/ac-1",
		"POST /api/accounts/ac-1/revoke", "POST /api/accounts/ac-1/extend", "POST /api/accounts/ac-1/rotate", "POST /api/accounts/ac-1/reconnect",
		"GET /api/accounts/ac-4/targets", "POST /api/accounts/ac-4/targets", "GET /api/accounts/ac-1/fitness", "POST /api/fitness",
		"POST /api/sync", "GET /api/sync", "GET /api/dead", "GET /api/dead/odd", "POST /api/dead/odd/replay", "DELETE /api/dead/odd",
		"GET /api/notices", "GET /api/audit/verify", "POST /api/policy/explain", "GET /api/profiles", "GET /api/profiles/sam360",
		"GET /api/doctor", "GET /api/consent-policy/contoso", "POST /api/consent-policy/contoso", "POST /api/probe",
	} {
		method, path, _ := strings.Cut(order, " ")
		var got failure
		assert.Equal(t, 403, a.as(annsToken, method, path, `{"by":"ann@contoso.com"}`, &got), order)
		assert.Equal(t, console.CodeForbidden, got.Error.Code)
		assert.Contains(t, got.Error.Message, "the token of ann@contoso.com, an approver, reads requests and approves them; it is not for "+order)
	}
	assert.Empty(t, a.desk.orders)
	assert.Len(t, a.letters, 2)
	assert.Equal(t, http.StatusMethodNotAllowed, a.as(annsToken, "DELETE", "/api/requests/rq-1", "", nil))
}

func TestWithoutASharedTokenTheApproversOwnWork(t *testing.T) {
	a := provenAPI(t)
	a.options.Token = account.Secret{}
	assert.Equal(t, 401, a.as("", "GET", "/api/requests", "", nil))
	assert.Equal(t, 401, a.as(token, "GET", "/api/requests", "", nil))
	assert.Equal(t, 200, a.as(annsToken, "GET", "/api/requests", "", nil))
	a.options.Bearers[0].Token = account.Secret{}
	assert.Equal(t, 401, a.as("", "GET", "/api/requests", "", nil), "no token is nobody's")
}

func TestAnUndoNeedsAName(t *testing.T) {
	a := newAPI(t)
	assert.Equal(t, 400, a.call("POST", "/api/requests/rq-1/undo", "", nil))
	assert.Empty(t, a.desk.orders)
}
