// Package azurefunctions serves Usher's functions to the host of Azure Functions, as its
// custom handler (https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers).
//
// The host receives from Service Bus and settles: an answer of 200 completes the message,
// any other gives it back at once. It can neither put a message off nor aside. So both are
// sent by ourselves before the answer: the next attempt, planned, under its own id, or the
// message itself into the queue of parked ones. A process that dies between the send and
// the answer gets the message again and sends the same ids again, which are dropped as
// duplicates. Only what could not be sent at all is answered with a failure.
package azurefunctions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/servicebus"
)

// PortVariable is the environment variable in which the host says where it wants the
// handler to listen, on the loopback address. Nothing else sets it.
const PortVariable = "FUNCTIONS_CUSTOMHANDLER_PORT"

// Longest is how long one invocation may take. The host's functionTimeout and the time for
// which it renews locks (host.json) are longer, and the ten minutes of the Consumption plan
// too. A full sync that needs more goes on in its next delivery (step.TimeLeft).
const Longest = 9 * time.Minute

// Sender is our own way into the namespace; see servicebus.Queue.
type Sender interface {
	Enqueue(ctx context.Context, name string, msgs ...queue.Message) error
	Park(ctx context.Context, m servicebus.Foreign, reason, text string) error
}

// Options build a Handler.
type Options struct {
	// Queues are the functions with a Service Bus trigger. The name of each is that of its queue.
	Queues map[string]queue.Handler
	// Timers are the functions with a timer trigger.
	Timers map[string]func(context.Context) error
	// HTTP answers the functions with an HTTP trigger, on the paths that their callers use.
	HTTP http.Handler
	// Sender is required where there are Queues.
	Sender Sender
	// Log hears of failures: the host does not read the answer that tells of one.
	Log *slog.Logger
	// MaxDeliveries parks a message that came this often. Zero means 10.
	MaxDeliveries int
}

// largestEnvelope bounds what the host posts, in bytes: a message of 256 KiB, encoded twice.
const largestEnvelope = 4 << 20

type handler struct {
	Options
	stopping context.Context
}

// New makes the handler. What runs when ctx ends is ended, and comes again.
//
// An invocation is a POST to /<function>. The host passes HTTP calls on under the path of
// the caller, so no HTTP function may have a route that leads to such a path: its caller
// could hand us messages. function.json is held against that by a test.
func New(ctx context.Context, o Options) http.Handler {
	if o.MaxDeliveries == 0 {
		o.MaxDeliveries = queue.Options{}.WithDefaults().MaxDeliveries
	}
	h := handler{o, ctx}
	mux := http.NewServeMux()
	for name, handle := range o.Queues {
		mux.Handle("POST /"+name, h.invocation(name, func(ctx context.Context, posted []byte) error {
			return h.deliver(ctx, name, handle, posted)
		}))
	}
	for name, do := range o.Timers {
		mux.Handle("POST /"+name, h.invocation(name, func(ctx context.Context, posted []byte) error {
			if late(posted) {
				h.Log.InfoContext(ctx, "the time of a timer had passed while no host ran", "function", name)
			}
			return do(ctx)
		}))
	}
	mux.HandleFunc("GET /{$}", succeed) // any answer here tells the host that we are ready
	if o.HTTP != nil {
		mux.Handle("/", o.HTTP)
	}
	return mux
}

// invocation answers the host.
func (h handler) invocation(function string, do func(context.Context, []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), Longest)
		defer cancel()
		defer context.AfterFunc(h.stopping, cancel)()
		posted, err := receive(w, r)
		if err == nil {
			err = do(ctx, posted)
		}
		if err != nil {
			h.Log.ErrorContext(ctx, "an invocation failed; the host gives its message back", "function", function,
				"invocation", r.Header.Get("X-Azure-Functions-InvocationId"), "error", err)
			http.Error(w, "the function failed; its log says why", http.StatusInternalServerError)
			return
		}
		succeed(w, r)
	})
}

// receive reads the envelope, and lifts the limits that the server sets for callers from
// outside: the answer to the host may take as long as the work.
func receive(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	connection := http.NewResponseController(w)
	for _, lift := range []func(time.Time) error{connection.SetReadDeadline, connection.SetWriteDeadline} {
		if err := lift(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return nil, fmt.Errorf("lift the limits of the connection: %w", err)
		}
	}
	posted, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestEnvelope))
	if err != nil {
		return nil, fmt.Errorf("receive the host's envelope: %w", err)
	}
	return posted, nil
}

// succeed is the answer without outputs. It must be an object: after an empty answer, or
// null, the host waits until the function's time is over.
func succeed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}") // the host went away, and gives the message back
}
