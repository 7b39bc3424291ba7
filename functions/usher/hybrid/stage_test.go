package hybrid

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/functions/usher/app"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/activedirectory"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/sambatest"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenantfake"
	"github.com/usher365/usher/shared/webhook"
)

const (
	address = "https://tenant.test"
	secret  = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	name    = "svc-kaspersky-hq@contoso.com"
)

// stage is a domain controller, a tenant that Entra Connect brings its accounts to, and a
// process of Usher. Its clock stands still until the story moves it.
type stage struct {
	*testing.T
	*sambatest.Domain
	ou      string
	tenant  *tenantfake.Tenant
	connect *tenantfake.Connector
	app     *app.App
	told    []events.Status

	mu  sync.Mutex
	now time.Time
}

// options are what a story has otherwise than usual.
type options struct {
	// password is the one Usher signs in to the domain with, roots whom it trusts.
	password string
	roots    []byte
	// domain takes the place of the configured one.
	domain app.OnPremises
}

func open(t *testing.T, change func(*stage, *options)) *stage {
	t.Helper()
	s := &stage{T: t, Domain: sambatest.Start(t), now: time.Now()}
	s.ou = s.OU(t)
	spec := tenantfake.DefaultTenant()
	spec.TokenLifetime, spec.Replication = 72*time.Hour, -1
	server := tenantfake.New(tenantfake.Options{Now: s.clock, Strict: true})
	s.tenant = server.AddTenant(spec)
	s.connect = s.tenant.Connect(s)
	t.Cleanup(func() { assert.Empty(t, server.SchemaViolations()) })
	o := options{password: s.Password.Reveal(), roots: s.CA}
	if change != nil {
		change(s, &o)
	}
	s.start(server, o)
	return s
}

func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// start opens a process as its configuration says.
func (s *stage) start(server *tenantfake.Server, o options) {
	s.Helper()
	dir := s.TempDir()
	roots, path := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "usher.yaml")
	require.NoError(s, os.WriteFile(roots, o.roots, 0o600))
	require.NoError(s, os.WriteFile(path, []byte(strings.NewReplacer("URL", s.URL, "BASE", s.BaseDN, "BIND", s.BindDN, "ROOTS", roots, "UNIT", s.ou).Replace(`
tenants:
  - alias: contoso
    id: `+tenantfake.DefaultTenantID+`
    activeDirectory: {url: "URL", baseDN: "BASE", bindName: "BIND", password: env:AD_PASSWORD, rootsFile: "ROOTS", ou: "UNIT"}
`)), 0o600))
	env := map[string]string{
		"AZURE_CLIENT_ID": tenantfake.DefaultClientID, "AZURE_CLIENT_SECRET": tenantfake.DefaultClientSecret, "AD_PASSWORD": o.password,
		"USHER_LOGIN_ENDPOINT": address, "USHER_GRAPH_ENDPOINT": address, "USHER_EXCHANGE_ENDPOINT": address, "USHER_WEBHOOK_SECRET": secret,
	}
	lookup := func(name string) (string, bool) { v, set := env[name]; return v, set }
	c, err := config.Load(path, lookup, nil)
	require.NoError(s, err)
	c.Data = dir
	source, err := identity.New(identity.Options{Env: lookup, AuthorityHost: address, Transport: &http.Client{Transport: server.Transport()}})
	require.NoError(s, err)
	s.app, err = app.New(s.Context(), app.Options{
		Engines:   host.Options{Config: c, Log: slog.New(slog.DiscardHandler), Credential: source.Credential, Now: s.clock},
		Transport: server.Transport(), OnPremises: o.domain,
	})
	require.NoError(s, err)
	s.Cleanup(func() { assert.NoError(s, s.app.Close()) })
	require.NoError(s, s.app.LearnDomains(s.Context()))
}

// SyncedUsers is what Entra Connect reads: the accounts in the story's unit.
func (s *stage) SyncedUsers(context.Context) ([]tenantfake.OnPremisesUser, error) {
	found, err := s.Connect(s.T).Search(ldap.NewSearchRequest(s.ou, ldap.ScopeSingleLevel, 0, 0, 0, false, "(objectClass=user)", nil, nil))
	if err != nil {
		return nil, err
	}
	var users []tenantfake.OnPremisesUser
	for _, e := range found.Entries {
		users = append(users, tenantfake.OnPremisesUser{
			ImmutableID:       activedirectory.GUID(e.GetRawAttributeValue("objectGUID")).ImmutableID(),
			UserPrincipalName: e.GetAttributeValue("userPrincipalName"), DisplayName: e.GetAttributeValue("displayName"),
			Enabled: e.GetAttributeValue("userAccountControl") == "66048",
		})
	}
	return users, nil
}

// cycle is one of Entra Connect.
func (s *stage) cycle() { require.NoError(s, s.connect.Cycle(s.Context())) }

// pass lets time go by, a minute at a time, and does what comes due.
func (s *stage) pass(d time.Duration) {
	s.Helper()
	for end := s.clock().Add(d); s.clock().Before(end); {
		s.mu.Lock()
		s.now = s.now.Add(time.Minute)
		s.mu.Unlock()
		s.work()
	}
}

// work does what is due, until nothing is left that is.
func (s *stage) work() {
	s.Helper()
	hear := func(_ context.Context, status events.Status) error {
		s.told = append(s.told, status)
		return nil
	}
	notices := s.app.Runner.HandleNotices(step.Policy{}, hear, nil)
	for range 2 { // the first round may send what the second delivers
		for _, function := range events.Functions() {
			handle := s.app.Runner.Deliver
			if function == events.Notify {
				handle = notices
			}
			require.NoError(s, s.app.Queue.Run(s.Context(), function, queue.Options{Workers: 1, Idle: time.Millisecond}, handle))
		}
	}
}

// post sends a sample to the webhook, changed, and gives the request's id.
func (s *stage) post(sample string) string {
	s.Helper()
	text, err := samples.Files.ReadFile(sample)
	require.NoError(s, err)
	var doc map[string]any
	require.NoError(s, json.Unmarshal(text, &doc))
	if doc["action"] == "onboard" {
		doc["access"] = map[string]any{"readOnly": true}
		delete(doc["account"].(map[string]any), "mfa") // for either, a person would have to agree
	}
	body, err := json.Marshal(doc)
	require.NoError(s, err)
	r := httptest.NewRequestWithContext(s.Context(), http.MethodPost, intake.Path, bytes.NewReader(body))
	parsed, err := webhook.ParseSecret(secret)
	require.NoError(s, err)
	r.Header = webhook.Sign(parsed, "msg-"+sample, s.clock(), body)
	w := httptest.NewRecorder()
	s.app.Handler().ServeHTTP(w, r)
	var answer struct{ Status, RequestID, Reason string }
	require.NoError(s, json.Unmarshal(w.Body.Bytes(), &answer), w.Body.String())
	require.Equal(s, string(intake.Accepted), answer.Status, answer.Reason)
	s.work()
	return answer.RequestID
}

// heard are the kinds of status that the ticket of a request heard, in order, and the
// last of them.
func (s *stage) heard(id string) (kinds []events.StatusKind, last events.StatusData) {
	for _, status := range s.told {
		if status.Data.RequestID == id {
			kinds, last = append(kinds, status.Data.Status), status.Data
		}
	}
	return kinds, last
}

// is waits for nothing: it makes sure of the state of a request.
func (s *stage) is(id string, want account.State) account.Request {
	s.Helper()
	r, err := s.app.Ledger.Request(s.Context(), id)
	require.NoError(s, err)
	for _, st := range r.Steps {
		s.Logf("%s %s %s %s", st.Name, st.State, st.Detail, st.Fault)
	}
	require.Equal(s, want, account.StateOf(r))
	return r
}

// onPremises are the entries in the story's unit.
func (s *stage) onPremises() []tenantfake.OnPremisesUser {
	s.Helper()
	users, err := s.SyncedUsers(s.Context())
	require.NoError(s, err)
	return users
}
