package guides

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/functions/usher/app"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/tenantfake"
	"github.com/usher365/usher/shared/webhook"
)

const (
	address = "https://tenant.test"
	public  = "https://usher.example.com"
	domain  = "contoso.onmicrosoft.com"
	token   = "token-of-the-story"
	secret  = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// stage is where a story is told: a tenant, a process of Usher on it, and the ticketing
// system, all in one bubble of virtual time.
type stage struct {
	*testing.T
	server *tenantfake.Server
	tenant *tenantfake.Tenant
	app    *app.App
	secret webhook.Secret
	// dir keeps ledger, queue and vault.
	dir string
	// before is what the tenant held when the story began.
	before []string

	tickets tickets
	// posted counts the webhooks sent: each has an id of its own.
	posted int
	log    journal
}

// tickets is the ticketing system: it keeps what it is told.
type tickets struct {
	mu   sync.Mutex
	told []events.Status
	// answers is what it does about a status that it was told; nil takes all.
	answers func(events.StatusData) error
}

// answer says what it does about statuses from now on.
func (t *tickets) answer(with func(events.StatusData) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers = with
}

func (t *tickets) tell(_ context.Context, status events.Status) error {
	t.mu.Lock()
	t.told = append(t.told, status)
	with := t.answers
	t.mu.Unlock()
	if with == nil {
		return nil
	}
	return with(status.Data)
}

// all is what was told until now.
func (t *tickets) all() []events.Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.told)
}

// journal is a log that several write.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds a line.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

// String is all that was written.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// tell plays a story in a bubble. settings is the configuration file beyond the tenant.
func tell(t *testing.T, settings string, story func(*stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, server: tenantfake.New(tenantfake.Options{Strict: true})}
		s.server.AddVendors(public + config.CallBackPath)
		s.tenant = s.server.AddTenant(tenantfake.DefaultTenant())
		s.before = s.tenant.Holdings()
		var err error
		s.secret, err = webhook.ParseSecret(secret)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		s.open(ctx, settings)
		var work sync.WaitGroup
		defer func() {
			stop()
			work.Wait()
			assert.NoError(t, s.app.Close())
		}()
		work.Go(func() { _ = s.app.Work(ctx) })
		work.Go(func() { _ = s.app.Nightly(ctx, s.app.Desk) })
		work.Go(func() { _ = s.app.Hourly(ctx, s.app.Prober) })
		story(s)
		assert.Empty(t, s.server.SchemaViolations(), "what was sent and answered keeps to Microsoft's schema")
	})
}

func (s *stage) open(ctx context.Context, settings string) {
	dir := s.TempDir()
	s.dir = dir
	path := filepath.Join(dir, "usher.yaml")
	require.NoError(s, os.WriteFile(path, []byte(settings), 0o600))
	env := map[string]string{
		"AZURE_TENANT_ID": tenantfake.DefaultTenantID, "AZURE_CLIENT_ID": tenantfake.DefaultClientID, "AZURE_CLIENT_SECRET": tenantfake.DefaultClientSecret,
		"USHER_CONSENTS_CLIENT_ID": tenantfake.DefaultConsentsClientID, "USHER_LOGIN_ENDPOINT": address, "USHER_GRAPH_ENDPOINT": address, "USHER_EXCHANGE_ENDPOINT": address,
		"USHER_WEBHOOK_SECRET": secret, "USHER_API_TOKEN": token, "ANN_TOKEN": annsToken,
	}
	lookup := func(name string) (string, bool) { v, set := env[name]; return v, set }
	c, err := config.Load(path, lookup, nil)
	require.NoError(s, err)
	c.Data = dir
	for i := range c.Tenants {
		c.Tenants[i].Alias = "contoso"
	}
	transport := &http.Client{Transport: s.server.Transport()}
	as := identity.Options{Env: lookup, AuthorityHost: address, Transport: transport}
	source, err := identity.New(as)
	require.NoError(s, err)
	as.ForConsents = true
	consents, err := identity.New(as)
	require.NoError(s, err)
	s.app, err = app.New(ctx, app.Options{
		Engines:   host.Options{Config: c, Log: slog.New(slog.NewTextHandler(&s.log, nil)), Credential: source.Credential, Consents: consents.Credential},
		Transport: s.server.Transport(), ClientID: tenantfake.DefaultClientID, Tell: s.tickets.tell, Own: app.Own{Main: source, Consents: consents},
	})
	require.NoError(s, err)
	require.NoError(s, s.app.LearnDomains(ctx))
}

// heard are the statuses of one kind that a request's ticket heard.
func (s *stage) heard(id string, kind events.StatusKind) (list []events.StatusData) {
	for _, status := range s.tickets.all() {
		if status.Data.RequestID == id && status.Data.Status == kind {
			list = append(list, status.Data)
		}
	}
	return list
}

// answer is what the webhook says.
type answer struct {
	Status     intake.Outcome `json:"status"`
	RequestID  string         `json:"requestId"`
	Reason     string         `json:"reason"`
	NextAction string         `json:"nextAction"`
	Code       string         `json:"code"`
}

// sample reads a request of the samples, as a document to change.
func (s *stage) sample(name string) map[string]any {
	s.Helper()
	text, err := samples.Files.ReadFile(name)
	require.NoError(s, err)
	var doc map[string]any
	require.NoError(s, json.Unmarshal(text, &doc))
	return doc
}

// post sends a signed request to the webhook.
func (s *stage) post(doc map[string]any) (a answer) {
	s.Helper()
	body, err := json.Marshal(doc)
	require.NoError(s, err)
	r := httptest.NewRequestWithContext(s.Context(), http.MethodPost, intake.Path, bytes.NewReader(body))
	s.posted++
	r.Header = webhook.Sign(s.secret, fmt.Sprintf("msg-%d", s.posted), time.Now(), body)
	w := httptest.NewRecorder()
	s.app.Handler().ServeHTTP(w, r)
	require.Equal(s, http.StatusOK, w.Code, w.Body.String())
	require.NoError(s, json.Unmarshal(w.Body.Bytes(), &a))
	return a
}

// taken sends a request that must be accepted, and gives its id.
func (s *stage) taken(doc map[string]any) string {
	s.Helper()
	a := s.post(doc)
	require.Equal(s, intake.Accepted, a.Status, a.Reason)
	return a.RequestID
}

// api calls the console as its user, and decodes the answer into out unless that is nil.
func (s *stage) api(method, path string, in, out any) int {
	s.Helper()
	return s.apiAs(token, method, path, in, out)
}

// apiAs calls it with a token.
func (s *stage) apiAs(token, method, path string, in, out any) int {
	s.Helper()
	body, err := json.Marshal(in)
	require.NoError(s, err)
	r := httptest.NewRequestWithContext(s.Context(), method, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.app.Handler().ServeHTTP(w, r)
	if w.Code >= http.StatusBadRequest {
		s.Logf("%s %s: %s", method, path, w.Body)
	}
	if out != nil && w.Code < http.StatusBadRequest {
		require.NoError(s, json.Unmarshal(w.Body.Bytes(), out), w.Body.String())
	}
	return w.Code
}

// request is how a request stands.
func (s *stage) request(id string) (r console.Request) {
	s.Helper()
	require.Equal(s, http.StatusOK, s.api(http.MethodGet, "/api/requests/"+id, nil, &r))
	return r
}

// reaches waits until a request is in a state, and says how it stands when it never is.
func (s *stage) reaches(id string, state account.State, within time.Duration) console.Request {
	s.Helper()
	for end := time.Now().Add(within); ; time.Sleep(time.Second) {
		r := s.request(id)
		if r.State == state {
			return r
		}
		if r.Over || time.Now().After(end) {
			require.Equal(s, state, r.State, "%+v", r)
		}
	}
}

// step finds a step of a request by the beginning of its name.
func step(t *testing.T, r console.Request, prefix string) console.Step {
	t.Helper()
	for _, one := range r.Steps {
		if strings.HasPrefix(one.Name, prefix) {
			return one
		}
	}
	require.Fail(t, "no such step", "%s in %+v", prefix, r.Steps)
	return console.Step{}
}

// account is the managed account of a request.
func (s *stage) account(r console.Request) (a console.Account) {
	s.Helper()
	require.Equal(s, http.StatusOK, s.api(http.MethodGet, "/api/accounts/"+r.AccountID, nil, &a))
	return a
}
