// Package distributed opens the engines that many processes share: a ledger on
// PostgreSQL and a queue on Azure Service Bus.
package distributed

import (
	"context"
	"errors"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/ledger/postgres"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/servicebus"
)

// Open opens the configured database and namespace. A message that cannot be sent after
// its commit stays in the outbox, and the sweep of any process sends it. Around gives
// what sends the outbox by way of the queue; nil means the queue itself.
func Open(ctx context.Context, o host.Options, around func(tables.Sender) tables.Sender) (*host.Engines, error) {
	o = o.WithDefaults()
	bus, err := namespace(o)
	if err != nil {
		return nil, err
	}
	sender := tables.Sender(bus)
	if around != nil {
		sender = around(bus)
	}
	books, err := Ledger(ctx, o, sender)
	if err != nil {
		return nil, errors.Join(err, bus.Close())
	}
	return host.New(o, host.Stores{
		Queue: bus, Ledger: books.Ledger, Sweep: books.Flush,
		Close: func() error { return errors.Join(bus.Close(), books.Close()) },
	})
}

// Ledger opens the configured PostgreSQL database, with a sender for its outbox.
func Ledger(ctx context.Context, o host.Options, sender tables.Sender) (*postgres.Ledger, error) {
	return postgres.Open(ctx, postgres.Options{
		URL: o.Config.Shared.Database.Reveal(), Sender: sender, Random: o.Random, Observe: host.Warn[error](o.Log, "outbox"),
	})
}

// namespace opens the configured one, with the connection string or with Usher's own
// identity in its home tenant.
func namespace(o host.Options) (*servicebus.Queue, error) {
	to := servicebus.Options{
		Namespace: o.Config.Shared.Namespace, ConnectionString: o.Config.Shared.ConnectionString.Reveal(),
		Queues: events.Functions(), Now: o.Now, Observe: host.Warn[queue.Incident](o.Log, "queue"),
	}
	if to.ConnectionString == "" {
		if o.Credential == nil || o.Config.Home == "" {
			return nil, config.Problems{{Where: "AZURE_TENANT_ID", What: "is missing; a Service Bus namespace needs a tenant to sign in to"}}
		}
		var err error
		if to.Credential, err = o.Credential(o.Config.Home); err != nil {
			return nil, config.Problems{{Where: "credential for Service Bus", What: err.Error()}}
		}
	}
	return servicebus.New(to)
}
