package lambdatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/usher/scenetest"
)

// functions are those with a binary of their own.
var functions = append([]string{"intake", "console"}, events.Functions()...)

// binaries builds every function once, as it is packaged, and gives the directory.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "usher-lambdatest-")
	if err != nil {
		return "", err
	}
	for _, name := range functions {
		if err := scenetest.Build(filepath.Join(dir, name), "functions/"+name+"/cmd", "-tags", "lambda.norpc", "-ldflags", "-s -w"); err != nil {
			return dir, err
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	dir, _ := binaries()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// timeout is the time-out of every function, as in infra/aws/template.yaml.
const timeout = 5 * time.Minute

// event is one invocation.
type event struct {
	payload []byte
	// answer gets what the function answered; nil for an asynchronous one.
	answer chan answer
}

// answer is what a function said: a document, or an error.
type answer struct {
	body   []byte
	failed bool
}

// function is one process behind its Runtime API. It handles one event at a time.
type function struct {
	*testing.T
	name    string
	process *exec.Cmd
	exited  chan error
	events  chan event
	output  scenetest.Journal
	// frozen is called with the process stopped, before each pause.
	frozen func()

	mu      sync.Mutex
	current *event
	count   int
}

// start starts a function with this environment and nothing else.
func start(t *testing.T, name string, env []string, frozen func()) *function {
	t.Helper()
	dir, err := binaries()
	require.NoError(t, err)
	f := &function{T: t, name: name, events: make(chan event, 1000), exited: make(chan error, 1), frozen: frozen}
	api := httptest.NewUnstartedServer(f.runtimeAPI())
	api.Config.ConnContext = nil
	api.Start()
	f.process = exec.Command(filepath.Join(dir, name))
	f.process.Env = append(slices.Clone(env), "AWS_LAMBDA_RUNTIME_API="+api.Listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=prod-"+name, "AWS_REGION=eu-west-1")
	f.process.Stdout, f.process.Stderr = &f.output, &f.output
	f.mu.Lock() // the process may ask for its first event before Start returns
	err = f.process.Start()
	f.mu.Unlock()
	require.NoError(t, err)
	go func() { f.exited <- f.process.Wait() }()
	t.Cleanup(func() {
		_ = f.process.Process.Kill() // SIGKILL reaches a frozen process too
		<-f.exited
		close(f.events)
		api.CloseClientConnections()
		api.Close()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", name, &f.output)
		}
	})
	return f
}

// runtimeAPI answers as the service does (source: AWS Lambda Developer Guide, "Using the
// Lambda runtime API" and "Lambda Extensions API").
func (f *function) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Lambda-Extension-Identifier", "extension")
		_, _ = io.WriteString(w, "{}")
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", f.answered(false))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", f.answered(true))
	return mux
}

// next freezes the process until there is an event.
func (f *function) next(w http.ResponseWriter, _ *http.Request) {
	f.signal(syscall.SIGSTOP)
	f.frozen()
	e, open := <-f.events
	if !open {
		return
	}
	f.mu.Lock()
	f.current = &e
	f.count++
	id := fmt.Sprint("event-", f.count)
	f.mu.Unlock()
	f.signal(syscall.SIGCONT)
	h := w.Header()
	h.Set("Lambda-Runtime-Aws-Request-Id", id)
	h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(timeout).UnixMilli()))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:111122223333:function:prod-"+f.name)
	_, _ = w.Write(e.payload)
}

func (f *function) answered(failed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(f, err)
		w.WriteHeader(http.StatusAccepted)
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.current.answer != nil {
			f.current.answer <- answer{body, failed}
		} else if failed {
			f.Errorf("%s failed: %s", f.name, body)
		}
	}
}

func (f *function) signal(s syscall.Signal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.process.Process.Signal(s) // a process that is gone is noticed by who waits for it
}

// invoke hands an event over and gives the answer.
func (f *function) invoke(payload []byte) answer {
	f.Helper()
	e := event{payload, make(chan answer, 1)}
	f.events <- e
	select {
	case a := <-e.answer:
		return a
	case err := <-f.exited:
		f.exited <- err
		require.FailNow(f, f.name+" ended", "%v\n%s", err, &f.output)
	case <-time.After(time.Minute):
		require.FailNow(f, f.name+" did not answer", "%s", &f.output)
	}
	panic("unreachable")
}

// told gives the values of a metric that the process wrote, by all its other fields.
func (f *function) told(metric string) map[string]float64 {
	all := map[string]float64{}
	for line := range strings.Lines(f.output.String()) {
		var doc map[string]any
		if json.Unmarshal([]byte(line), &doc) != nil || doc["_aws"] == nil || doc[metric] == nil {
			continue
		}
		value, _ := doc[metric].(float64)
		delete(doc, "_aws")
		delete(doc, metric)
		all[fmt.Sprint(doc)] += value
	}
	return all
}

// invokeAPI queues asynchronous events, as AWS Lambda's Invoke does with the type Event.
func invokeAPI(t *testing.T, running map[string]*function) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		payload, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "Event", r.Header.Get("X-Amz-Invocation-Type"))
		assert.Contains(t, r.Header.Get("Authorization"), "/eu-west-1/lambda/aws4_request")
		name, ok := strings.CutPrefix(r.PathValue("name"), "prod-")
		if f := running[name]; assert.True(t, ok) && assert.NotNil(t, f, name) {
			f.events <- event{payload: payload}
		}
		w.WriteHeader(http.StatusAccepted)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String()
}
