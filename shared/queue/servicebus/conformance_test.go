package servicebus

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/queuetest"
	"github.com/usher365/usher/shared/servicebusfake"
)

const connectionString = "Endpoint=sb://fake.local;SharedAccessKeyName=any;SharedAccessKey=c2VjcmV0;UseDevelopmentEmulator=true"

func TestConformanceOverPipe(t *testing.T) {
	queuetest.Run(t, queuetest.Features{Virtual: true}, func(tb testing.TB, s queuetest.Settings) queuetest.Harness {
		return openNamespace(tb, s).harness(tb)
	})
}

// namespace is a fake namespace and the way to it.
type namespace struct {
	fake *servicebusfake.Server
	// options says how a client finds it; the crash of the client ends its connections.
	options func() Options
}

// newFake makes a namespace with the queues of the suite.
func newFake(tb testing.TB, s queuetest.Settings) *servicebusfake.Server {
	window := s.DuplicateWindow
	if window == 0 {
		window = queue.DuplicateWindow
	}
	settings := servicebusfake.QueueSettings{
		Lock: 30 * time.Second, MaxDeliveries: 2000, DetectDuplicates: true, DuplicateWindow: window,
	}
	fake := servicebusfake.New(servicebusfake.Options{
		Queues: map[string]servicebusfake.QueueSettings{"work": settings, "other": settings},
	})
	tb.Cleanup(func() { require.NoError(tb, fake.Close()) })
	return fake
}

func openNamespace(tb testing.TB, s queuetest.Settings) namespace {
	fake := newFake(tb, s)
	return namespace{fake: fake, options: func() Options {
		return Options{ConnectionString: connectionString, Dial: fake.Dial}
	}}
}

// open opens a client whose network can be taken away.
func (n namespace) open(tb testing.TB) (q *Queue, crash func()) {
	o := n.options()
	var dead atomic.Bool
	if dial := o.Dial; dial != nil {
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			if dead.Load() {
				return nil, errors.New("the process is dead")
			}
			return dial(ctx)
		}
	}
	o.Queues = []string{"work", "other"}
	o.Observe = func(Incident) {}
	q, err := New(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, q.Close()) })
	return q, func() { dead.Store(true) }
}

func (n namespace) harness(tb testing.TB) queuetest.Harness {
	q, die := n.open(tb)
	return queuetest.Harness{
		Engine:      q,
		ExpireLocks: n.fake.ExpireLocks,
		Reopen: func() queuetest.Engine {
			require.NoError(tb, q.Close())
			q, die = n.open(tb)
			return q
		},
		Crash: func() queuetest.Engine {
			die()
			n.fake.CutConnections()
			n.fake.ExpireLocks() // the locks of the dead end with time
			q, die = n.open(tb)
			return q
		},
	}
}
