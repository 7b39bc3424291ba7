// Package servicebus is the queue on Azure Service Bus, for more than one machine. The
// queues must exist, with duplicate detection on, its window longer than the longest
// planned wait, and a maximum delivery count above every queue.Options.MaxDeliveries:
// the adapter counts by itself, for a delivery that ends with the process is not the
// message's fault. Messages outlive their consumers; a lock that a dead process held is
// over after the queue's lock duration.
package servicebus

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/engine"
)

// Deadlines of calls, unless the caller's is earlier.
const (
	defaultTimeout = 30 * time.Second
	closeTimeout   = 5 * time.Second
	// receiveFor is how long one receive waits; credit stays open between two of them.
	receiveFor = 5 * time.Minute
)

// DefaultRetry is how the client tries a call again: seven times within about eleven seconds.
// (The client's own default begins at four seconds, which is a long part of a lock.)
var DefaultRetry = azservicebus.RetryOptions{MaxRetries: 7, RetryDelay: 50 * time.Millisecond, MaxRetryDelay: 5 * time.Second}

// Options say which namespace, and how it is talked to. Namespace with Credential, or
// ConnectionString, is required.
type Options struct {
	// Namespace is the host, such as example.servicebus.windows.net.
	Namespace  string
	Credential azcore.TokenCredential
	// ConnectionString is for development and for Microsoft's emulator.
	ConnectionString string
	// Queues are the queues there are, for what an operator does over all of them.
	Queues []string
	// Retry is how the client tries a call again. The zero value means DefaultRetry.
	Retry azservicebus.RetryOptions
	// Timeout is the deadline of a call whose caller has none that is earlier. Zero means 30 s.
	Timeout time.Duration
	// Endpoint is connected to in the place of Namespace (host:port); empty means Namespace.
	Endpoint string
	// TLS tunes the connection. Nil means the system's roots.
	TLS *tls.Config
	// Dial makes the connection in another way, TLS or not. Nil means TCP with TLS.
	Dial func(context.Context) (net.Conn, error)
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
	// Observe hears of what went wrong while consuming. It must not block. Nil means queue.LogIncident.
	Observe func(queue.Incident)
}

// Queue is the queues of one namespace. It implements the contract of package queue.
type Queue struct {
	client    *azservicebus.Client
	queues    []string
	timeout   time.Duration
	now       func() time.Time
	observe   func(queue.Incident)
	consumers engine.Consumers[*consumer]

	mu      sync.Mutex
	senders map[string]*azservicebus.Sender
	// holding counts the deliveries in hand; a message may be with a stale holder too.
	holding map[place]int
}

// place is where a message is.
type place struct {
	queue    string
	sequence int64
}

// New makes a Queue. It does not connect: what is wrong with the namespace or the
// credential shows with the first call.
func New(o Options) (*Queue, error) {
	client, err := newClient(o)
	if err != nil {
		return nil, fmt.Errorf("queue: set up Service Bus: %w", err)
	}
	q := &Queue{
		client: client, queues: o.Queues, timeout: cmp.Or(o.Timeout, defaultTimeout), now: o.Now, observe: o.Observe,
		senders: map[string]*azservicebus.Sender{}, holding: map[place]int{},
	}
	if q.now == nil {
		q.now = time.Now
	}
	if q.observe == nil {
		q.observe = queue.LogIncident
	}
	return q, nil
}

func newClient(o Options) (*azservicebus.Client, error) {
	c := &azservicebus.ClientOptions{
		ApplicationID: "usher", TLSConfig: o.TLS, CustomEndpoint: o.Endpoint, RetryOptions: cmp.Or(o.Retry, DefaultRetry),
	}
	if o.Dial != nil {
		c.NewWebSocketConn = func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) { return o.Dial(ctx) }
	}
	switch {
	case o.ConnectionString != "":
		return azservicebus.NewClientFromConnectionString(o.ConnectionString, c)
	case o.Namespace == "" || o.Credential == nil:
		return nil, errors.New("neither a namespace with a credential nor a connection string is given")
	}
	return azservicebus.NewClient(o.Namespace, o.Credential, c)
}

// deadline gives a call its deadline.
func (q *Queue) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, q.timeout)
}

// hold notes that a message is in hand, until the returned function is called.
func (q *Queue) hold(at place) (letGo func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.holding[at]++
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.holding[at]--; q.holding[at] == 0 {
			delete(q.holding, at)
		}
	}
}

// Close stops every Run, waits for them, and disconnects.
func (q *Queue) Close() error {
	q.consumers.Close()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := q.client.Close(ctx); err != nil {
		return fmt.Errorf("queue: disconnect from Service Bus: %w", err)
	}
	return nil
}
