package processtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/usher/scenetest"
	"github.com/usher365/usher/shared/ledger/postgres"
	"github.com/usher365/usher/shared/postgrestest"
	"github.com/usher365/usher/shared/servicebusfake"
	"github.com/usher365/usher/shared/webhook"
)

// lock is how long the namespace lets a process hold a message without a sign of life.
const lock = 5 * time.Second

// crowd is several processes of usher, with one PostgreSQL database, one namespace,
// one vault and one tenant between them.
type crowd struct {
	*scene
	vault   string
	books   *postgres.Ledger
	workers []*worker
}

// worker is one place in the crowd; a process that dies is followed by another.
type worker struct {
	env []string

	mu      sync.Mutex
	process *exec.Cmd
	frozen  bool
	log     scenetest.Journal
}

func newCrowd(t *testing.T, size int) *crowd {
	t.Helper()
	url := postgrestest.Schema(t)
	_, err := postgres.Migrate(t.Context(), url, false)
	require.NoError(t, err)
	c := &crowd{scene: newScene(t), vault: t.TempDir()}
	c.books, err = postgres.Open(t.Context(), postgres.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.books.Close()) })
	c.env = append(c.env, "USHER_DATABASE_URL="+url, "USHER_SERVICEBUS_CONNECTION_STRING="+namespace(t), "USHER_VAULT=file:"+c.vault)
	for range size {
		c.workers = append(c.workers, &worker{env: append(c.env, "USHER_LISTEN="+scenetest.FreeAddress(t))})
	}
	return c
}

// namespace serves a namespace whose locks are short.
func namespace(t *testing.T) (connection string) {
	t.Helper()
	queues := servicebusfake.Deployed(events.Functions()...)
	for name, q := range queues {
		q.Lock = lock
		queues[name] = q
	}
	return scenetest.DevelopmentNamespace(t, servicebusfake.New(servicebusfake.Options{Queues: queues}))
}

func (w *worker) start(t *testing.T) {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = exec.Command(path, "serve", "--tenant", "real", "--data", filepath.Join(t.TempDir(), "data"))
	w.process.Env, w.process.Stdout, w.process.Stderr = w.env, &w.log, &w.log
	require.NoError(t, w.process.Start())
}

func (w *worker) signal(s os.Signal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = s == syscall.SIGSTOP
	return w.process.Process.Signal(s)
}

// end kills the process and waits until it is gone.
func (w *worker) end() {
	_ = w.signal(syscall.SIGKILL)
	_ = w.process.Wait() // it was killed
}

// address is where the worker can be asked; empty while it is frozen.
func (w *worker) address() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frozen {
		return ""
	}
	return "http://" + w.env[len(w.env)-1][len("USHER_LISTEN="):]
}

// torment strikes the worker some times: kills it and starts it again, or freezes it
// until its locks are over.
func (w *worker) torment(t *testing.T, dice *rand.Rand, blows int) (kills, freezes int) {
	for range blows {
		between(dice, time.Second, 4*time.Second)
		if dice.IntN(2) == 0 {
			kills++
			w.end()
			w.start(t)
			continue
		}
		freezes++
		assert.NoError(t, w.signal(syscall.SIGSTOP))
		between(dice, lock, lock+2*time.Second)
		assert.NoError(t, w.signal(syscall.SIGCONT))
	}
	return kills, freezes
}

// between sleeps for some time between two.
func between(dice *rand.Rand, least, most time.Duration) {
	time.Sleep(least + time.Duration(dice.Int64N(int64(most-least))))
}

// request posts a document under one delivery id until some worker takes it, as a
// ticketing system does, and gives the request id.
func (c *crowd) request(dice *rand.Rand, id string, body []byte) string {
	c.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		base := c.workers[dice.IntN(len(c.workers))].address()
		if base == "" {
			continue
		}
		var answer struct{ Status, RequestID, Reason string }
		header := webhook.Sign(c.secret, id, time.Now(), body)
		if send(client, base+"/webhooks/standard", header, body, &answer) == http.StatusOK {
			if answer.Status != "accepted" {
				c.Errorf("%s was answered %s: %s", id, answer.Status, answer.Reason)
			}
			return answer.RequestID
		}
	}
	c.Errorf("%s was not taken by anybody", id)
	return ""
}

// send gives the status, or zero where no whole answer came.
func send(client *http.Client, url string, header http.Header, body []byte, answer any) int {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header = header
	response, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if json.NewDecoder(response.Body).Decode(answer) != nil {
		return 0
	}
	return response.StatusCode
}

// document is a sample for another account and another ticket.
func document(t *testing.T, name, user string) []byte {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(sample(t, name), &doc))
	doc["account"].(map[string]any)["userName"] = user
	doc["ticket"].(map[string]any)["id"] = name + user
	if doc["profile"] == "kaspersky-quarantine" {
		doc["access"] = map[string]any{"readOnly": true} // for more, a person would have to agree
		delete(doc["account"].(map[string]any), "mfa")
	}
	body, err := json.Marshal(doc)
	require.NoError(t, err)
	return body
}

func userName(n int) string { return fmt.Sprintf("vendor%04d", n) }
