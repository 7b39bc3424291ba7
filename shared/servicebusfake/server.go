package servicebusfake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Defaults of a queue, as the service gives them
// (https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas).
const (
	DefaultLock             = time.Minute
	DefaultMaxDeliveries    = 10
	DefaultMaxMessageSize   = 256 << 10
	DefaultDuplicateWindow  = 10 * time.Minute
	defaultTimeToLive       = 10_000 * 24 * time.Hour
	reasonMaxDeliveries     = "MaxDeliveryCountExceeded"
	reasonExpired           = "TTLExpiredException"
	conditionNotFound       = "amqp:not-found"
	conditionUnauthorized   = "amqp:unauthorized-access"
	conditionBusy           = "com.microsoft:server-busy"
	conditionLockLost       = "com.microsoft:message-lock-lost"
	conditionTooLarge       = "amqp:link:message-size-exceeded"
	conditionFull           = "amqp:resource-limit-exceeded"
	conditionNotImplemented = "amqp:not-implemented"
)

// QueueSettings are what is set when a queue is created. The zero value has the
// service's defaults.
type QueueSettings struct {
	// Lock is how long a delivery is locked. Zero means DefaultLock.
	Lock time.Duration
	// MaxDeliveries puts a message aside that was given back this often. Zero means DefaultMaxDeliveries.
	MaxDeliveries int
	// DetectDuplicates drops a message whose id was seen within DuplicateWindow, counted from
	// the first sight, whether that one is planned, there, or gone.
	DetectDuplicates bool
	// DuplicateWindow is used with DetectDuplicates. Zero means DefaultDuplicateWindow.
	DuplicateWindow time.Duration
	// TimeToLive is how long a message may stay, at most; a message may ask for less. Zero is for ever.
	TimeToLive time.Duration
	// DeadLetterExpired puts expired messages aside instead of dropping them.
	DeadLetterExpired bool
	// MaxMessageSize is the largest encoded message, in bytes. Zero means DefaultMaxMessageSize.
	MaxMessageSize int
	// MaxSize is how many encoded bytes the queue holds. Zero is without limit.
	MaxSize int
}

// Deployed are the queues of these names with the settings of Usher's namespace, which
// infra/azure/servicebus.json has too.
func Deployed(names ...string) map[string]QueueSettings {
	queues := map[string]QueueSettings{}
	for _, name := range names {
		queues[name] = QueueSettings{
			Lock: time.Minute, MaxDeliveries: 1000, DetectDuplicates: true, DuplicateWindow: 2 * 24 * time.Hour,
			TimeToLive: 14 * 24 * time.Hour, DeadLetterExpired: true, MaxSize: 1 << 30,
		}
	}
	return queues
}

// Options tune a Server. The zero value is a namespace without queues.
type Options struct {
	// Now tells the time. Nil means time.Now. Timers are those of package time; call
	// Server.Wake after setting a clock that they do not follow.
	Now func() time.Time
	// Queues are created at the start; see also Server.CreateQueue.
	Queues map[string]QueueSettings
	// CheckToken judges a token that a client puts for an address. Nil takes every token.
	CheckToken func(token, address string) error
}

// Server is a namespace. It is safe for concurrent use.
type Server struct {
	now        func() time.Time
	checkToken func(token, address string) error

	mu        sync.Mutex
	queues    map[string]*entity
	conns     map[*conn]struct{}
	listeners []net.Listener
	faults    faults
	closed    bool
	running   sync.WaitGroup
}

// New makes a namespace. Close it when done.
func New(o Options) *Server {
	s := &Server{now: o.Now, checkToken: o.CheckToken, queues: map[string]*entity{}, conns: map[*conn]struct{}{}}
	if s.now == nil {
		s.now = time.Now
	}
	for name, settings := range o.Queues {
		s.CreateQueue(name, settings)
	}
	return s
}

// CreateQueue makes an empty queue, in the place of one of the same name. Names do not
// differ by case.
func (s *Server) CreateQueue(name string, settings QueueSettings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dead := newEntity(s, name+"/$DeadLetterQueue", settings)
	dead.buries = nil
	live := newEntity(s, name, settings)
	live.buries = dead
	s.queues[strings.ToLower(live.name)] = live
	s.queues[strings.ToLower(dead.name)] = dead
}

// errDown refuses a connection.
var errDown = errors.New("servicebusfake: the namespace does not answer")

// Dial connects over a pipe. The answer suits the NewWebSocketConn option of azservicebus.
func (s *Server) Dial(context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	if !s.accept(server) {
		return nil, errDown
	}
	return client, nil
}

// accept serves a connection, or closes it when the namespace is down.
func (s *Server) accept(network net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.faults.down {
		_ = network.Close()
		return false
	}
	c := newConn(s, network)
	s.conns[c] = struct{}{}
	s.running.Go(c.read)
	s.running.Go(c.write)
	return true
}

// Serve takes connections from a listener, TLS or not, until it is closed; Close closes it.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errDown
	}
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	for {
		network, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("servicebusfake: accept a connection: %w", err)
		}
		s.accept(network)
	}
}

// Close cuts every connection, closes the listeners, and waits until nothing runs any more.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for _, e := range s.queues {
		e.timer.stop()
	}
	s.cut()
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

func (s *Server) cut() {
	for c := range s.conns {
		c.cut()
	}
}

// Connections counts the open connections.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Wake looks at the clock, for what fell due.
func (s *Server) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.queues {
		e.sweep()
	}
}

// ExpireLocks ends every lock, as time does to holders that are frozen.
func (s *Server) ExpireLocks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.queues {
		e.expireLocks(func(*message) bool { return true })
		e.pump()
	}
}

// Depth counts the messages of a queue by state.
type Depth struct{ Active, Locked, Planned, Deferred, Dead int }

// Depth gives the depth of a queue; all zero when there is no such queue.
func (s *Server) Depth(name string) Depth {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.queues[strings.ToLower(name)]
	if e == nil {
		return Depth{}
	}
	d := Depth{Active: len(e.ready), Locked: len(e.locked), Planned: len(e.planned), Deferred: len(e.deferred)}
	if e.buries != nil {
		d.Dead = len(e.buries.ready) + len(e.buries.locked)
	}
	return d
}
