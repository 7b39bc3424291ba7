package main

import (
	"bytes"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/functions/usher/scenetest"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/servicebus"
	"github.com/usher365/usher/shared/servicebusfake"
	"github.com/usher365/usher/shared/webhook"
)

// underAzure serves everything behind a stand-in of the host.
func (s *shell) underAzure(forget int) (fake *servicebusfake.Server, h *functionsHost, front string) {
	fake = s.shared()
	s.env["USHER_VAULT"] = "file:" + filepath.Join(s.dir, "vault")
	_, port, err := net.SplitHostPort(scenetest.FreeAddress(s.T))
	require.NoError(s, err)
	handler := s.process(map[string]string{"FUNCTIONS_CUSTOMHANDLER_PORT": port, "USHER_LISTEN": "127.0.0.1:1"})
	h, front = s.startHost(handler, forget)
	return fake, h, front
}

// The main job behind the host of Azure Functions, where every third answer is lost after
// everything was sent: the messages come again, and nothing happens twice.
func TestMainJobOnAzureFunctions(t *testing.T) {
	s := newShell(t).on(slow)
	fake, h, front := s.underAzure(3)
	assert.Equal(t, http.StatusOK, s.signed(front, "onboard-sam360.json"))
	s.lives("onboard-sam360.json", "offboard-sam360.json") // the first is known by its ticket and only followed
	assert.Equal(t, http.StatusUnauthorized, s.status("GET", front+"/api/requests"))
	for _, path := range []string{"/create", "/sweep", "/full-sync", "/metrics", "/", "/api/../create"} {
		assert.Equal(t, http.StatusNotFound, s.status("POST", front+path), "%s from outside", path)
	}
	h.tick(t.Context(), "sweep")
	h.tick(t.Context(), "full-sync")
	h.settled(func() bool {
		var requests []console.Request
		s.json(&requests, "list", "--all")
		return len(requests) == 3 && requests[0].Action == account.Sync && requests[0].State == account.Succeeded
	})
	for _, name := range append(events.Functions(), servicebus.Parked) {
		h.settled(func() bool { return fake.Depth(name) == servicebusfake.Depth{} })
	}
}

// signed posts a sample as a ticketing system does, in chunks, and gives the status.
func (s *shell) signed(front, name string) int {
	s.Helper()
	body, err := samples.Files.ReadFile(name)
	require.NoError(s, err)
	secret, err := webhook.ParseSecret(s.env["USHER_WEBHOOK_SECRET"])
	require.NoError(s, err)
	c := &client{base: front, http: http.DefaultClient}
	taken, err := post(s.Context(), c, secret, "delivery-1", time.Now(), bytes.Clone(body))
	require.NoError(s, err)
	assert.Equal(s, string(intake.Accepted), taken.Status)
	return http.StatusOK
}

// What cannot be done is parked, and an operator finds, replays and discards it.
func TestParkedOnAzureFunctions(t *testing.T) {
	s := newShell(t).real()
	fake, h, _ := s.underAzure(0)
	bus, err := servicebus.New(servicebus.Options{ConnectionString: s.env["USHER_SERVICEBUS_CONNECTION_STRING"]})
	require.NoError(t, err)
	defer func() { require.NoError(t, bus.Close()) }()
	require.NoError(t, bus.Enqueue(t.Context(), events.Create, queue.Message{ID: "odd", Body: []byte("somebody's test message")}))
	parked := func(n int) func() bool {
		return func() bool {
			return fake.Depth(servicebus.Parked).Active == n && fake.Depth(events.Create) == servicebusfake.Depth{}
		}
	}
	h.settled(parked(1))
	var letters []console.DeadLetter
	s.json(&letters, "dead", "list")
	require.Len(t, letters, 1)
	assert.Equal(t, []string{"odd", events.Create, "malformed-command"}, []string{letters[0].ID, letters[0].Queue, string(letters[0].Reason)})
	s.ok("dead", "replay", "odd")
	h.settled(parked(1))
	s.ok("dead", "discard", "odd")
	h.settled(parked(0))
}

func TestAzureFunctionsKeepsNothingOnItsDisk(t *testing.T) {
	s := newShell(t).real()
	s.env["FUNCTIONS_CUSTOMHANDLER_PORT"] = "1"
	r := s.run("serve")
	assert.Equal(t, exitConfig, r.code, r.err)
	assert.Contains(t, r.err, "USHER_DATABASE_URL")
	assert.Contains(t, r.err, "USHER_VAULT")
}
