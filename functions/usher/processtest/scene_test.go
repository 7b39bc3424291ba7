package processtest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/usher/scenetest"
	"github.com/usher365/usher/shared/webhook"
)

const token = "a-token-for-the-tests-of-the-process"

// binary builds usher once for all scenes.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "usher-processtest-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "usher")
	return path, scenetest.Build(path, "functions/usher")
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// scene is a tenant behind TLS, a data directory, and usher between them as a
// process of its own that is started again whenever it dies.
type scene struct {
	*testing.T
	tenant *scenetest.Tenant
	dir    string
	secret webhook.Secret
	env    []string
	log    scenetest.Journal

	mu      sync.Mutex
	process *exec.Cmd
	exited  chan struct{}
	starts  int
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, dir: t.TempDir(), tenant: scenetest.NewTenant(t)}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, s.tenant.CA, 0o600))
	var err error
	s.secret, err = webhook.NewSecret(rand.Reader)
	require.NoError(t, err)
	s.env = append(append(os.Environ(), s.tenant.Env...), "SSL_CERT_FILE="+ca,
		"USHER_WEBHOOK_SECRET="+s.secret.Reveal(), "USHER_API_TOKEN="+token, "USHER_LISTEN=127.0.0.1:0")
	return s
}

// start runs usher serve.
func (s *scene) start() {
	s.Helper()
	path, err := binary()
	require.NoError(s, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = exec.Command(path, "serve", "--tenant", "real", "--data", s.dir)
	s.process.Env, s.process.Stdout, s.process.Stderr = s.env, &s.log, &s.log
	_ = os.Remove(filepath.Join(s.dir, "server.json")) // the dead one's address
	require.NoError(s, s.process.Start())
	s.starts++
	exited := make(chan struct{})
	s.exited = exited
	go func(p *exec.Cmd) { _ = p.Wait(); close(exited) }(s.process)
}

// kill is kill -9, and returns when the process is gone.
func (s *scene) kill() {
	s.mu.Lock()
	process, exited := s.process, s.exited
	s.mu.Unlock()
	_ = process.Process.Kill()
	<-exited
}

// stop is SIGTERM; the process must end by itself.
func (s *scene) stop() {
	s.Helper()
	s.mu.Lock()
	process, exited := s.process, s.exited
	s.mu.Unlock()
	require.NoError(s, process.Process.Signal(syscall.SIGTERM))
	select {
	case <-exited:
	case <-time.After(20 * time.Second):
		require.Fail(s, "usher serve did not stop", s.log.String())
	}
	require.Equal(s, 0, process.ProcessState.ExitCode(), "%s", &s.log)
}

// revive starts the process again if it has died.
func (s *scene) revive() {
	s.Helper()
	s.mu.Lock()
	exited := s.exited
	s.mu.Unlock()
	select {
	case <-exited:
		s.start()
	default:
	}
}

// address is where usher listens now, empty while it starts.
func (s *scene) address() string {
	var at struct {
		URL string `json:"url"`
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "server.json"))
	if err != nil || json.Unmarshal(text, &at) != nil {
		return ""
	}
	return at.URL
}

// until asks again and again, over deaths, as a ticketing system and an operator do.
func (s *scene) until(what string, ask func(base string) bool) {
	s.Helper()
	for deadline := time.Now().Add(45 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s.revive()
		if base := s.address(); base != "" && ask(base) {
			return
		}
	}
	require.Fail(s, what+" took too long", "%s", &s.log)
}

// post sends a sample, signed, under one id until it is taken, and gives the request id.
func (s *scene) post(name string) (request string) {
	s.Helper()
	body := sample(s.T, name)
	s.until("posting "+name, func(base string) bool {
		header := webhook.Sign(s.secret, "msg_"+name, time.Now(), body)
		var answer struct{ Status, RequestID string }
		if s.call(http.MethodPost, base+"/webhooks/standard", header, body, &answer) != http.StatusOK {
			return false
		}
		require.Equal(s, "accepted", answer.Status)
		request = answer.RequestID
		return true
	})
	return request
}

// await asks the API until the request is in the given state.
func (s *scene) await(request, state string) {
	s.Helper()
	s.until("request "+request, func(base string) bool {
		var answer struct{ State string }
		header := http.Header{"Authorization": {"Bearer " + token}}
		return s.call(http.MethodGet, base+"/api/requests/"+request, header, nil, &answer) == http.StatusOK && answer.State == state
	})
}

// call gives the status, or zero when nobody answers (any more).
func (s *scene) call(method, url string, header http.Header, body []byte, answer any) int {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), method, url, bytes.NewReader(body))
	require.NoError(s, err)
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || json.Unmarshal(text, answer) != nil {
		return 0
	}
	return response.StatusCode
}
