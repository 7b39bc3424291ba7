package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/queue"
)

const token = "a-token-for-tests"

var (
	now     = time.Date(2026, 11, 21, 19, 30, 0, 0, time.UTC)
	contoso = account.Tenant{Alias: "contoso", ID: "0550b473-9fd2-4dbb-a058-a1640b4bf458"}
)

// api is a console over things in memory.
type api struct {
	*testing.T
	books   *books
	letters letters
	desk    *desk
	options console.Options
}

func newAPI(t *testing.T) *api {
	waiting := account.Request{
		ID: "rq-1", Action: account.Onboard, Tenant: contoso.ID, UserPrincipalName: "sam@contoso.onmicrosoft.com", CreatedAt: now.Add(-time.Hour),
		Steps: []account.Step{
			{Name: "create", Function: "create", State: account.StepDone, Attempt: 2, FirstSeen: now.Add(-time.Hour), FinishedAt: now.Add(-time.Hour + 3*time.Second), FaultCode: "user-not-readable"},
			{Name: "grantrolegroup", Function: "grantrolegroup", State: account.StepWaiting, Attempt: 4, FirstSeen: now.Add(-90 * time.Second), NextTry: now.Add(time.Minute), FaultCode: "exchange-not-replicated"},
		},
	}
	refused := account.Request{ID: "rq-2", Action: account.Onboard, Tenant: "gone", Refused: "no such role", RefusedCode: "unknown-role"}
	a := &api{T: t, desk: &desk{request: waiting}, letters: letters{}, books: &books{
		requests: []account.Request{waiting, refused},
		accounts: []account.Account{
			{ID: "ac-1", Tenant: contoso.ID, UserPrincipalName: "sam@contoso.onmicrosoft.com", State: account.AccountActive, SecretRef: "file:contoso/ac-1"},
			{ID: "ac-0", Tenant: contoso.ID, UserPrincipalName: "sam@contoso.onmicrosoft.com", State: account.AccountGone},
			{ID: "ac-2", Tenant: contoso.ID, UserPrincipalName: "two@contoso.com", State: account.AccountActive},
			{ID: "ac-4", Tenant: contoso.ID, UserPrincipalName: "vendor@contoso.onmicrosoft.com", State: account.AccountActive, AppID: "app",
				Targets: account.Targets{Mode: account.TargetsChosen, Users: []account.TargetUser{{ObjectID: "u1", UserPrincipalName: "adele@contoso.com", DisplayName: "Adele Vance"}}}},
			{ID: "ac-3", Tenant: "other", UserPrincipalName: "two@contoso.com", State: account.AccountActive},
		},
		runs: []ledger.SyncRun{{RequestID: "rq-3", Tenant: contoso.ID, Users: 5}},
	}}
	a.letters["rq-1/create/2"] = queue.DeadMessage{Message: queue.Message{ID: "rq-1/create/2", CorrelationID: "rq-1", Body: []byte(`{"a":1}`)}, Queue: "create", Reason: "name-taken"}
	a.letters["odd"] = queue.DeadMessage{Message: queue.Message{ID: "odd", Body: []byte("not JSON")}, Queue: "create", Reason: queue.ReasonMaxDeliveries}
	a.options = console.Options{
		Requests: a.books, Accounts: a.books, Audit: a.books, Notices: a.books, DeadLetters: a.letters, Desk: a.desk, Cases: a.desk, Lives: a.desk, Connections: a.desk,
		Profiles: []profile.Profile{{Name: "sam360", Title: "Sam360"}}, Tenants: func() []account.Tenant { return []account.Tenant{contoso} },
		Token: account.NewSecret(token), Now: func() time.Time { return now }, Ready: func(context.Context) []string { return nil },
	}
	return a
}

// call sends a request with the token and decodes the answer into out, unless that is nil.
func (a *api) call(method, path, body string, out any) int {
	a.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	return a.send(r, out)
}

func (a *api) send(r *http.Request, out any) int {
	a.Helper()
	w := httptest.NewRecorder()
	console.New(a.options).ServeHTTP(w, r)
	if out != nil {
		require.NoError(a, json.Unmarshal(w.Body.Bytes(), out), "%s", w.Body)
	}
	return w.Code
}

type failure struct{ Error console.Problem }

func TestRequestIsComputedFromItsSteps(t *testing.T) {
	var got console.Request
	require.Equal(t, 200, newAPI(t).call("GET", "/api/requests/rq-1", "", &got))
	assert.Equal(t, account.Waits, got.State)
	assert.Equal(t, "contoso", got.Tenant)
	assert.Len(t, got.Timeline, 1)
	done, wait := got.Steps[0], got.Steps[1]
	assert.Equal(t, "3.0 s", done.Waited)
	assert.Empty(t, done.FaultCode, "what a finished step waited for is history")
	assert.Equal(t, 4, wait.Attempts)
	assert.InDelta(t, 90, wait.WaitedSeconds, 0)
	assert.Equal(t, "1 min 30 s", wait.Waited)
	assert.Equal(t, fault.Remedy(fault.ExchangeNotReplicated), wait.Remedy)
}

func TestRefusedRequestSaysWhy(t *testing.T) {
	var got console.Request
	require.Equal(t, 200, newAPI(t).call("GET", "/api/requests/rq-2", "", &got))
	assert.True(t, got.Over)
	assert.Equal(t, fault.UnknownRole, got.Fault.Code)
	assert.Equal(t, "gone", got.Tenant, "a tenant that is not configured any more shows by its id")
}

func TestFilters(t *testing.T) {
	work := []account.Action{account.Onboard, account.Modify, account.Offboard, account.Restore, account.Rotate, account.Extend}
	for name, c := range map[string]struct {
		query string
		want  ledger.Filter
	}{
		"Plain":  {"", ledger.Filter{Actions: work}},
		"All":    {"?all=1", ledger.Filter{}},
		"Narrow": {"?tenant=CONTOSO&account=a@b.c&action=sync&open=1&limit=5", ledger.Filter{Tenant: contoso.ID, UserPrincipalName: "a@b.c", Actions: []account.Action{account.Sync}, Open: true, Limit: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			require.Equal(t, 200, a.call("GET", "/api/requests"+c.query, "", nil))
			assert.Equal(t, c.want, a.books.filter)
		})
	}
}

func TestWrongCalls(t *testing.T) {
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		code               fault.Code
	}{
		"UnknownRequest":  {"GET", "/api/requests/rq-9", "", 404, console.CodeNotFound},
		"UnknownTenant":   {"GET", "/api/requests?tenant=fabrikam", "", 404, console.CodeNotFound},
		"BadLimit":        {"GET", "/api/requests?limit=0", "", 400, console.CodeBadRequest},
		"BadFlag":         {"GET", "/api/requests?open=perhaps", "", 400, console.CodeBadRequest},
		"UnknownAccount":  {"GET", "/api/accounts/ac-9", "", 404, fault.AccountUnknown},
		"UnknownName":     {"POST", "/api/accounts/x@contoso.com/revoke", `{"by":"ann"}`, 404, fault.AccountUnknown},
		"AmbiguousName":   {"POST", "/api/accounts/two@contoso.com/revoke", `{"by":"ann"}`, 409, fault.RequestInvalid},
		"Nobody":          {"POST", "/api/accounts/ac-1/revoke", "", 400, console.CodeBadRequest},
		"BadMode":         {"POST", "/api/accounts/ac-1/revoke", `{"by":"ann","mode":"explode"}`, 400, console.CodeBadRequest},
		"NegativeGrace":   {"POST", "/api/accounts/ac-1/revoke", `{"by":"ann","graceDays":-1}`, 400, console.CodeBadRequest},
		"UnknownField":    {"POST", "/api/requests/rq-1/approve", `{"by":"ann","extra":1}`, 400, console.CodeBadRequest},
		"NotJSON":         {"POST", "/api/requests/rq-1/approve", `{`, 400, console.CodeBadRequest},
		"TwoValues":       {"POST", "/api/requests/rq-1/approve", `{"by":"ann"}{}`, 400, console.CodeBadRequest},
		"TooLarge":        {"POST", "/api/requests/rq-1/approve", strings.Repeat(" ", 65<<10), 413, console.CodeBadRequest},
		"ApproveViaMail":  {"POST", "/api/requests/rq-1/approve", `{"by":"ann","via":"mail"}`, 400, console.CodeBadRequest},
		"ApproveUnnamed":  {"POST", "/api/requests/rq-1/approve", "", 400, console.CodeBadRequest},
		"SyncUnnamed":     {"POST", "/api/sync", "", 400, console.CodeBadRequest},
		"UnknownLetter":   {"GET", "/api/dead/rq-9/create/1", "", 404, console.CodeNotFound},
		"ReplayNoLetter":  {"POST", "/api/dead/rq-9/create/1/replay", "", 404, console.CodeNotFound},
		"NotAReplay":      {"POST", "/api/dead/rq-1/create/2", "", 404, console.CodeNotFound},
		"UnknownProfile":  {"GET", "/api/profiles/none", "", 404, fault.UnknownProfile},
		"NoDoctor":        {"GET", "/api/doctor", "", 404, console.CodeNotFound},
		"WrongMethod":     {"DELETE", "/api/requests", "", 405, console.CodeNotAllowed},
		"UnknownPath":     {"GET", "/api/nothing", "", 404, console.CodeNotFound},
		"UnknownRootPath": {"GET", "/", "", 404, console.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			var got failure
			assert.Equal(t, c.status, newAPI(t).call(c.method, c.path, c.body, &got))
			assert.Equal(t, c.code, got.Error.Code)
			assert.NotEmpty(t, got.Error.Message)
		})
	}
}

func TestToken(t *testing.T) {
	for name, header := range map[string]string{"Missing": "", "Wrong": "Bearer other", "Empty": "Bearer ", "Basic": "Basic " + token, "Longer": "Bearer " + token + "x"} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/api/requests", nil)
			r.Header.Set("Authorization", header)
			var got failure
			assert.Equal(t, 401, newAPI(t).send(r, &got))
			assert.Equal(t, console.CodeUnauthorized, got.Error.Code)
		})
	}
	t.Run("NoneConfigured", func(t *testing.T) {
		a := newAPI(t)
		a.options.Token = account.Secret{}
		r := httptest.NewRequest("GET", "/api/requests", nil)
		r.Header.Set("Authorization", "Bearer ")
		assert.Equal(t, 401, a.send(r, nil))
	})
}

func TestAccounts(t *testing.T) {
	a := newAPI(t)
	var list []console.Account
	require.Equal(t, 200, a.call("GET", "/api/accounts", "", &list))
	assert.True(t, a.books.filter.Open)
	assert.Equal(t, "file:contoso/ac-1", list[0].SecretRef)
	var one console.Account
	require.Equal(t, 200, a.call("GET", "/api/accounts/SAM@contoso.onmicrosoft.com", "", &one))
	assert.Equal(t, "ac-1", one.ID, "the living one of that name")
}

func TestOrders(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		want       []any
	}{
		"Approve": {"/api/requests/rq-1/approve", `{"by":"ann","reason":"seen","digest":"sha256:1"}`, []any{"rq-1", account.Approval{By: "ann", Reason: "seen", Digest: "sha256:1", Via: "console", Proof: account.ProofClaim}}},
		"ByHand":  {"/api/requests/rq-1/approve", `{"by":"ann","via":"cli"}`, []any{"rq-1", account.Approval{By: "ann", Via: "cli", Proof: account.ProofClaim}}},
		"Undo":    {"/api/requests/rq-1/undo", `{"by":"ann"}`, []any{"rq-1", "ann"}},
		"Revoke":  {"/api/accounts/sam@contoso.onmicrosoft.com/revoke", `{"by":"ann","force":true,"mode":"disable","graceDays":3}`, []any{"ac-1", "ann", "", events.Offboard{Force: true, Mode: "disable", GraceDays: 3}}},
		"Explain": {"/api/policy/explain", `{"action":"onboard"}`, []any{`{"action":"onboard"}`}},
		"Sync":    {"/api/sync", `{"by":"ann","tenant":"0550b473-9fd2-4dbb-a058-a1640b4bf458"}`, []any{"contoso", "ann"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			require.Equal(t, 200, a.call("POST", c.path, c.body, nil))
			assert.Equal(t, c.want, a.desk.orders)
		})
	}
}

func TestRefusedOrders(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		code   fault.Code
	}{
		"Held":    {held, 409, fault.AccountHeld},
		"Invalid": {fault.Stopf(fault.RequestInvalid, "no"), 400, fault.RequestInvalid},
		"Passing": {fault.Retry(fault.Unreachable, 0, errors.New("no answer")), 503, fault.Unreachable},
		"Ledger":  {errors.New("disk full"), 503, fault.LedgerUnavailable},
		"Missing": {ledger.ErrNotFound, 404, console.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.desk.err = c.err
			var got failure
			assert.Equal(t, c.status, a.call("POST", "/api/requests/rq-1/undo", `{"by":"ann"}`, &got))
			assert.Equal(t, c.code, got.Error.Code)
		})
	}
}

func TestDeadLetters(t *testing.T) {
	a := newAPI(t)
	var list []console.DeadLetter
	require.Equal(t, 200, a.call("GET", "/api/dead", "", &list))
	assert.Len(t, list, 2)
	var one console.DeadLetter
	require.Equal(t, 200, a.call("GET", "/api/dead/rq-1/create/2", "", &one))
	assert.JSONEq(t, `{"a":1}`, string(one.Body))
	assert.Equal(t, fault.Remedy(fault.NameTaken), one.Remedy)
	require.Equal(t, 200, a.call("GET", "/api/dead/odd", "", &one))
	assert.JSONEq(t, `"not JSON"`, string(one.Body))
	assert.Equal(t, fault.Remedy(fault.DeliveriesExceeded), one.Remedy)

	require.Equal(t, 200, a.call("POST", "/api/dead/rq-1/create/2/replay?by=ann", "", nil))
	require.Equal(t, 200, a.call("DELETE", "/api/dead/odd", "", nil))
	assert.Empty(t, a.letters)
	require.Len(t, a.books.appended, 1, "a message of no request belongs to no chain")
	assert.Equal(t, "dead.replayed", a.books.appended[0].Kind)
	assert.Equal(t, "ann", a.books.appended[0].Actor)
}

func TestOperations(t *testing.T) {
	a := newAPI(t)
	var runs []ledger.SyncRun
	require.Equal(t, 200, a.call("GET", "/api/sync", "", &runs))
	assert.Len(t, runs, 1)
	var chains []console.Chain
	a.books.broken = &ledger.BrokenChain{Seq: 8, What: "its content was changed"}
	require.Equal(t, 200, a.call("GET", "/api/audit/verify", "", &chains))
	assert.Equal(t, int64(7), chains[0].Entries)
	assert.Contains(t, chains[0].Broken, "entry 8")
	var p profile.Profile
	require.Equal(t, 200, a.call("GET", "/api/profiles/sam360", "", &p))
	assert.Equal(t, "Sam360", p.Title)
	a.options.Doctor = func(_ context.Context, t account.Tenant) console.Report {
		return console.Report{Tenant: t.Alias, OK: true}
	}
	var reports []console.Report
	require.Equal(t, 200, a.call("GET", "/api/doctor?tenant=contoso", "", &reports))
	assert.True(t, reports[0].OK)
}

func TestProbesNeedNoToken(t *testing.T) {
	a := newAPI(t)
	a.options.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1")) })
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		assert.Equal(t, 200, a.send(httptest.NewRequest("GET", path, nil), nil), path)
	}
	a.options.Ready = func(context.Context) []string { return []string{"the domains of contoso are not known"} }
	var got console.Readiness
	assert.Equal(t, 503, a.send(httptest.NewRequest("GET", "/readyz", nil), &got))
	assert.Len(t, got.Reasons, 1)
	assert.Equal(t, 200, a.send(httptest.NewRequest("GET", "/healthz", nil), nil), "alive though not ready")
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "0 s", 0: "0 s", 40 * time.Millisecond: "40 ms", 450 * time.Millisecond: "0.4 s", 12 * time.Second: "12 s", time.Minute: "1 min",
		250 * time.Second: "4 min 10 s", 125 * time.Minute: "2 h 5 min", 76 * time.Hour: "3 d 4 h",
	} {
		assert.Equal(t, want, console.Span(d))
	}
}
