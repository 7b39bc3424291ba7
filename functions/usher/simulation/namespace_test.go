package simulation

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	ledgersql "github.com/usher365/usher/shared/ledger/sqlite"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/servicebus"
	"github.com/usher365/usher/shared/servicebusfake"
)

// namespace is the queue on Service Bus, and the ledger with an outbox in front of it.
type namespace struct {
	*world
	fake *servicebusfake.Server
	// pause is how long nothing goes wrong at most; zero is always.
	pause  time.Duration
	leaked atomic.Bool
}

func onServiceBus(w *world) engines {
	pauses := []time.Duration{0, 2 * time.Hour, 30 * time.Minute, 5 * time.Minute}
	return &namespace{
		world: w, fake: servicebusfake.New(servicebusfake.Options{Queues: servicebusfake.Deployed(events.Functions()...)}),
		pause: pauses[w.random.upTo(len(pauses), "trouble")],
	}
}

func (n *namespace) open(p *process) (messages, *tables.Ledger) {
	bus, err := servicebus.New(servicebus.Options{
		Namespace: "fake.local", Credential: badge{}, Dial: n.dial(p), Queues: events.Functions(), Observe: func(queue.Incident) {},
	})
	require.NoError(n, err)
	books, err := ledgersql.NewWithOutbox(n.ctx, n.db, tables.OutboxOptions{Sender: bus, Observe: func(error) {}})
	require.NoError(n, err)
	p.wg.Go(func() {
		for p.ctx.Err() == nil {
			_ = books.Flush(p.ctx) // what is not sent now is at the next sweep
			select {
			case <-time.After(5 * time.Minute):
			case <-p.ctx.Done():
			}
		}
	})
	return bus, books.Ledger
}

// badge is the identity of every process. Its tokens live for a day, as Entra's for
// managed identities do: renewing them is most of the work of a client without any.
type badge struct{}

func (badge) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "badge", ExpiresOn: time.Now().Add(24 * time.Hour)}, nil
}

// dial connects a process, for as long as it lives.
func (n *namespace) dial(p *process) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		if p.dead.Load() {
			return nil, errors.New("the process is dead")
		}
		c, err := n.fake.Dial(ctx)
		return &tapped{c, &n.leaked}, err
	}
}

// tapped looks for passwords in all that is sent.
type tapped struct {
	net.Conn
	leaked *atomic.Bool
}

func (t *tapped) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(canary)) {
		t.leaked.Store(true)
	}
	return t.Conn.Write(b)
}

// sever cuts every connection: those of one process, for no two live at once.
func (n *namespace) sever() { n.fake.CutConnections() }

func (n *namespace) trouble(stop <-chan struct{}) {
	for times := 0; n.pause > 0; times++ {
		select {
		case <-stop:
			n.mend()
			return
		case <-time.After(n.random.within(n.pause, "pause", times)):
		}
		n.strike(times)
	}
}

// strike lets something go wrong.
func (n *namespace) strike(nth int) {
	upTo := func(most int, what string) int { return 1 + n.random.upTo(most, what, nth) }
	within := func(most time.Duration, what string) time.Duration { return n.random.within(most, what, nth) }
	functions := events.Functions()
	function := functions[n.random.upTo(len(functions), "whose", nth)]
	switch n.random.upTo(10, "strike", nth) {
	case 0, 1, 2:
		n.fake.CutConnections()
	case 3:
		n.fake.LoseSettlements(upTo(5, "lost"))
	case 4:
		n.fake.MuteSettlements(upTo(5, "mute"))
	case 5:
		n.fake.DelaySettlements(within(2*time.Minute, "delay"), upTo(5, "delayed"))
	case 6:
		n.fake.Busy(upTo(40, "busy"))
	case 7:
		n.fake.RefuseLinks(function, "com.microsoft:server-busy", upTo(10, "refused"))
	case 8:
		n.fake.UnauthorizedAfter(0)
		time.Sleep(within(5*time.Minute, "unauthorized"))
		n.fake.UnauthorizedAfter(-1)
	case 9:
		n.fake.SetDown(true)
		time.Sleep(within(10*time.Minute, "down"))
		n.fake.SetDown(false)
	}
}

// mend takes back what was ordered and has not happened yet.
func (n *namespace) mend() {
	n.fake.LoseSettlements(0)
	n.fake.MuteSettlements(0)
	n.fake.DelaySettlements(0, 0)
	n.fake.Busy(0)
	for _, function := range events.Functions() {
		n.fake.RefuseLinks(function, "", 0)
	}
}

func (n *namespace) left(function string) int {
	d := n.fake.Depth(function)
	return d.Active + d.Planned + d.Locked + d.Deferred
}

func (n *namespace) close() {
	assert.False(n, n.leaked.Load(), "a password was sent to the namespace")
	require.NoError(n, n.fake.Close())
}
