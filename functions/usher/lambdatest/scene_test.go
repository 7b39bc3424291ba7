package lambdatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/usher/scenetest"
	"github.com/usher365/usher/shared/ledger/postgres"
	"github.com/usher365/usher/shared/postgrestest"
	"github.com/usher365/usher/shared/servicebusfake"
	"github.com/usher365/usher/shared/tenantfake"
	"github.com/usher365/usher/shared/webhook"
)

const (
	token     = "a-token-for-the-tests-of-the-functions"
	annsToken = "the-token-of-ann-and-of-nobody-else"
)

// scene is a tenant, a namespace and a database, and every function around them.
type scene struct {
	*testing.T
	tenant *scenetest.Tenant
	bus    *servicebusfake.Server
	secret webhook.Secret
	env    []string
	fn     map[string]*function
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, tenant: scenetest.NewTenant(t), fn: map[string]*function{}}
	s.bus = servicebusfake.New(servicebusfake.Options{Queues: servicebusfake.Deployed(events.Functions()...)})
	var err error
	s.secret, err = webhook.NewSecret(rand.Reader)
	require.NoError(t, err)
	_, err = binaries()
	require.NoError(t, err)
	url := postgrestest.Schema(t)
	require.NoError(t, migrate(t.Context(), url))
	authority, err := scenetest.NewAuthority()
	require.NoError(t, err)
	sb := scenetest.Namespace(t, s.bus, authority)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, append(authority.PEM(), s.tenant.CA...), 0o600))
	s.env = append(s.tenant.Env, "SSL_CERT_FILE="+ca, "USHER_DATABASE_URL="+url, "USHER_SERVICEBUS_CONNECTION_STRING="+sb,
		"USHER_WEBHOOK_SECRET="+s.secret.Reveal(), "USHER_API_TOKEN="+token, "USHER_APPROVERS=ann@contoso.com", "USHER_APPROVER_TOKENS=ann@contoso.com="+annsToken, "USHER_CONFIG="+s.config(),
		"USHER_WAKE_PREFIX=prod-", "AWS_ENDPOINT_URL_LAMBDA="+invokeAPI(t, s.fn), "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=secret")
	return s
}

func migrate(ctx context.Context, url string) error {
	_, err := postgres.Migrate(ctx, url, false)
	return err
}

// config writes what the environment has no variable for.
func (s *scene) config() string {
	s.Helper()
	dir := s.TempDir()
	path := filepath.Join(dir, "usher.yaml")
	text := fmt.Sprintf("data: %s\ntenants: [{alias: contoso, id: %s, domains: [contoso.onmicrosoft.com]}]\n", dir, tenantfake.DefaultTenantID)
	require.NoError(s, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// start starts functions; what one has locked when it is frozen is a failure.
func (s *scene) start(names ...string) {
	s.Helper()
	for _, name := range names {
		s.fn[name] = start(s.T, name, s.env, func() {
			if d := s.bus.Depth(name); d.Locked > 0 {
				s.Errorf("%s is frozen with %d messages locked", name, d.Locked)
			}
		})
	}
}

// sample reads an event.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	text, err := samples.Files.ReadFile("lambda/" + name + ".json")
	require.NoError(t, err)
	return text
}

// httpAnswer is the answer of a function that serves HTTP.
type httpAnswer struct {
	StatusCode      int
	Headers         map[string]string
	Body            string
	IsBase64Encoded bool
}

// ask invokes a function with a sample that change has been at, and decodes its body.
func (s *scene) ask(function, name string, change func(e map[string]any), into any) httpAnswer {
	s.Helper()
	var e map[string]any
	require.NoError(s, json.Unmarshal(sample(s.T, name), &e))
	change(e)
	payload, err := json.Marshal(e)
	require.NoError(s, err)
	got := s.fn[function].invoke(payload)
	require.False(s, got.failed, "%s", got.body)
	var a httpAnswer
	require.NoError(s, json.Unmarshal(got.body, &a), "%s", got.body)
	if into != nil {
		require.NoError(s, json.Unmarshal([]byte(a.Body), into), "%s", got.body)
	}
	return a
}

// post hands in the ticket of a sample, freshly signed, and gives the request's id.
func (s *scene) post(name string) string {
	s.Helper()
	var answer struct{ Status, RequestID string }
	got := s.ask("intake", name, func(e map[string]any) { s.sign(e) }, &answer)
	require.Equal(s, http.StatusOK, got.StatusCode, got.Body)
	require.Equal(s, "accepted", answer.Status, got.Body)
	return answer.RequestID
}

// sign replaces the signature of an event by one of now.
func (s *scene) sign(e map[string]any) {
	body, _ := e["body"].(string)
	raw := []byte(body)
	if e["isBase64Encoded"] == true {
		var err error
		raw, err = base64.StdEncoding.DecodeString(body)
		require.NoError(s, err)
	}
	headers, _ := e["headers"].(map[string]any)
	id, _ := headers["webhook-id"].(string)
	for name, values := range webhook.Sign(s.secret, id, time.Now(), raw) {
		headers[strings.ToLower(name)] = values[0]
	}
}

// api asks the console for a path.
func (s *scene) api(path string, into any) httpAnswer {
	s.Helper()
	return s.apiAs(token, path, into)
}

func (s *scene) apiAs(token, path string, into any) httpAnswer {
	s.Helper()
	return s.ask("console", "console.apigateway", func(e map[string]any) {
		headers, _ := e["headers"].(map[string]any)
		e["rawPath"], headers["authorization"] = "/prod"+path, "Bearer "+token
	}, into)
}

// until looks again and again, and drains every queue now and then, as the schedules do.
func (s *scene) until(what string, look func() bool) {
	s.Helper()
	tick := time.Now()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if look() {
			return
		}
		if time.Since(tick) > 10*time.Second {
			tick = time.Now()
			for _, name := range events.Functions() {
				s.fn[name].events <- event{payload: bytes.TrimSpace(sample(s.T, "drain.schedule"))}
			}
		}
	}
	var all any
	s.api("/api/requests", &all)
	require.FailNow(s, what+" took too long", "%v", all)
}

// await asks the console until the request is in the given state.
func (s *scene) await(request, state string) {
	s.Helper()
	s.until("request "+request, func() bool {
		var answer struct{ State string }
		s.api("/api/requests/"+request, &answer)
		return answer.State == state
	})
}
