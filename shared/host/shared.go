package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/ledger/postgres"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/servicebus"
)

// Queue is what a process needs of its queue engine.
type Queue interface {
	Consumer
	DeadLetters
	Depth(ctx context.Context, name string) (queue.Depth, error)
	Enqueue(ctx context.Context, name string, msgs ...queue.Message) error
}

// Consumer runs a handler on a queue until ctx ends.
type Consumer interface {
	Run(ctx context.Context, name string, o queue.Options, h queue.Handler) error
}

// DeadLetters are what an operator does with commands that were put aside.
type DeadLetters interface {
	Dead(ctx context.Context, name string) ([]queue.DeadMessage, error)
	DeadOne(ctx context.Context, id string) (queue.DeadMessage, error)
	Replay(ctx context.Context, id string) error
	Discard(ctx context.Context, id string) error
}

// sweepEvery is how often the outbox is looked at for messages whose sender died
// between the commit and the send.
const sweepEvery = time.Minute

// openShared opens PostgreSQL and Service Bus. A message that cannot be sent after its
// commit stays in the outbox, and the sweep of any process sends it.
func (e *Engines) openShared(ctx context.Context) error {
	o := servicebus.Options{
		Namespace: e.Config.Shared.Namespace, ConnectionString: e.Config.Shared.ConnectionString.Reveal(),
		Queues: events.Functions(), Now: e.Now, Observe: func(i servicebus.Incident) { e.incident(ctx, i) },
	}
	if err := e.signIn(&o); err != nil {
		return err
	}
	bus, err := servicebus.New(o)
	if err != nil {
		return err
	}
	e.Queue = bus
	e.closeLater(bus.Close)
	books, err := postgres.Open(ctx, postgres.Options{
		URL: e.Config.Shared.Database.Reveal(), Sender: bus, Random: e.Random, Observe: func(err error) {
			e.Log.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "outbox", slog.Any("error", err))
		},
	})
	if err != nil {
		return err
	}
	e.closeLater(books.Close)
	e.Ledger = books.Ledger
	e.sweep = func(ctx context.Context) { books.Sweep(ctx, sweepEvery) }
	return nil
}

// signIn finds the credential for the namespace: Usher's own, in the first tenant,
// which is the home of its application.
func (e *Engines) signIn(o *servicebus.Options) (err error) {
	if o.ConnectionString != "" {
		return nil
	}
	if e.Credential == nil || len(e.Config.Tenants) == 0 {
		return errors.New("a Service Bus namespace needs a credential and a tenant to sign in to")
	}
	if o.Credential, err = e.Credential(e.Config.Tenants[0].ID); err != nil {
		return fmt.Errorf("sign in to Service Bus: %w", err)
	}
	return nil
}
