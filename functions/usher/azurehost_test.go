package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// functionsApp are the files that are deployed.
const functionsApp = "../../infra/azure/functions"

// functionsHost stands in for the host of Azure Functions: it starts what function.json
// says, takes from the queues, posts envelopes as the host's code writes them, and
// completes or gives back by the answer's status.
type functionsHost struct {
	*testing.T
	handler string
	client  *azservicebus.Client
	// forget loses the n-th answer of 200, and every n-th after it, as if the process had
	// died after it sent and before it answered; zero loses none.
	forget int

	mu      sync.Mutex
	answers int
	running sync.WaitGroup
}

type trigger struct {
	Type, QueueName, Name, Route string
	Methods                      []string
}

// startHost reads the app and serves it until the test ends. It gives the address for
// callers from outside.
func (s *shell) startHost(handler string, forget int) (h *functionsHost, front string) {
	s.Helper()
	client, err := azservicebus.NewClientFromConnectionString(s.env["USHER_SERVICEBUS_CONNECTION_STRING"], nil)
	require.NoError(s, err)
	h = &functionsHost{T: s.T, handler: handler, client: client, forget: forget}
	files, err := filepath.Glob(functionsApp + "/*/function.json")
	require.NoError(s, err)
	require.NotEmpty(s, files)
	ctx, stop := context.WithCancel(context.WithoutCancel(s.Context()))
	routes := http.NewServeMux()
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		switch t := h.trigger(file); t.Type {
		case "serviceBusTrigger":
			h.running.Go(func() { h.consume(ctx, name, t) })
		case "httpTrigger":
			h.route(routes, t)
		}
	}
	outside := httptest.NewServer(routes)
	s.Cleanup(func() {
		outside.Close()
		stop()
		h.running.Wait()
		require.NoError(s, client.Close(context.WithoutCancel(ctx)))
	})
	return h, outside.URL
}

func (h *functionsHost) trigger(file string) trigger {
	text, err := os.ReadFile(file)
	require.NoError(h, err)
	var f struct{ Bindings []trigger }
	require.NoError(h, json.Unmarshal(text, &f))
	return f.Bindings[0]
}

// route passes calls on under the path of the caller, and nothing that no route takes.
func (h *functionsHost) route(routes *http.ServeMux, t trigger) {
	target, err := url.Parse(h.handler)
	require.NoError(h, err)
	pattern := strings.ReplaceAll(t.Route, "{*rest}", "{rest...}")
	for _, method := range t.Methods {
		routes.Handle(strings.ToUpper(method)+" /"+pattern, httputil.NewSingleHostReverseProxy(target))
	}
}

// consume takes messages one by one, for the test may not end with one in hand.
func (h *functionsHost) consume(ctx context.Context, function string, t trigger) {
	r, err := h.client.NewReceiverForQueue(t.QueueName, nil)
	if !assert.NoError(h, err) {
		return
	}
	settling := context.WithoutCancel(ctx)
	for ctx.Err() == nil {
		got, err := r.ReceiveMessages(ctx, 1, nil)
		if err != nil && !errors.Is(err, context.Canceled) {
			h.Errorf("receive from %s: %v", t.QueueName, err)
			return
		}
		for _, m := range got {
			if h.invoke(settling, function, envelopeOf(function, t.Name, m)) {
				assert.NoError(h, r.CompleteMessage(settling, m, nil))
			} else {
				assert.NoError(h, r.AbandonMessage(settling, m, nil))
			}
		}
	}
}

// twice is text as the host writes it: JSON inside JSON.
func twice(text string) string { return strconv.Quote(text) }

func envelopeOf(function, binding string, m *azservicebus.ReceivedMessage) map[string]any {
	metadata := map[string]any{
		"DeliveryCount": strconv.Itoa(int(m.DeliveryCount)), "SequenceNumber": strconv.FormatInt(*m.SequenceNumber, 10),
		"MessageId": twice(m.MessageID), "EnqueuedTimeUtc": m.EnqueuedTime.UTC().Format("2006-01-02T15:04:05.999"),
		"LockToken": twice("00000000-0000-0000-0000-000000000000"), "ApplicationProperties": m.ApplicationProperties,
		"sys": map[string]string{"MethodName": function},
	}
	for name, value := range map[string]*string{"Subject": m.Subject, "CorrelationId": m.CorrelationID, "ReplyTo": nil} {
		metadata[name] = nil
		if value != nil {
			metadata[name] = twice(*value)
		}
	}
	body, err := json.Marshal(string(m.Body)) // strconv.Quote is Go's, not JSON's
	if err != nil {
		panic(err)
	}
	return map[string]any{"Data": map[string]any{binding: string(body)}, "Metadata": metadata}
}

// invoke posts an envelope and reports whether the host hears of a success.
func (h *functionsHost) invoke(ctx context.Context, function string, envelope any) bool {
	if !h.post(ctx, function, envelope) {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers++
	return h.forget == 0 || h.answers%h.forget != 0
}

// post posts an envelope in chunks, and reports whether the host takes the answer for a success.
func (h *functionsHost) post(ctx context.Context, function string, envelope any) bool {
	text, err := json.Marshal(envelope)
	assert.NoError(h, err)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.handler+"/"+function, struct{ io.Reader }{bytes.NewReader(text)})
	if !assert.NoError(h, err) {
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Azure-Functions-InvocationId", "test")
	answer, err := http.DefaultClient.Do(r)
	if !assert.NoError(h, err) {
		return false
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	assert.NoError(h, err)
	if answer.StatusCode/100 != 2 {
		return false
	}
	var outputs map[string]any
	assert.NoError(h, json.Unmarshal(body, &outputs))
	return assert.NotNil(h, outputs, "the host would wait for ever")
}

// tick is what the host does when a timer is due.
func (h *functionsHost) tick(ctx context.Context, function string) {
	text, err := os.ReadFile(path.Join("../../events/samples/azure", "timer.json"))
	require.NoError(h, err)
	require.True(h, h.post(ctx, function, json.RawMessage(text)))
}

// settled waits until nothing is left to do.
func (h *functionsHost) settled(is func() bool) {
	h.Helper()
	require.Eventually(h, is, 30*time.Second, 20*time.Millisecond)
}
