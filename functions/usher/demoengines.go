package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/distributed"
	"github.com/usher365/usher/shared/host/embedded"
	"github.com/usher365/usher/shared/ledger/postgres"
	ledgersqlite "github.com/usher365/usher/shared/ledger/sqlite"
	"github.com/usher365/usher/shared/ledger/tables"
	postgresserver "github.com/usher365/usher/shared/postgrestest/server"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/servicebus"
	queuesqlite "github.com/usher365/usher/shared/queue/sqlite"
	"github.com/usher365/usher/shared/servicebusfake"
)

// What --queue and --ledger of the demo take.
const (
	engineSQLite   = "sqlite"
	engineFakeBus  = "servicebus-fake"
	enginePostgres = "postgres"
	postgresScheme = "postgres://"
)

// demoEngines say what the demo runs on.
type demoEngines struct{ queue, ledger string }

// check refuses what cannot be had before anything starts.
func (d demoEngines) check() error {
	if d.queue != engineSQLite && d.queue != engineFakeBus {
		return failed(exitUsage, "", "--queue is %s or %s, not %q", engineSQLite, engineFakeBus, d.queue)
	}
	if d.ledger != engineSQLite && d.ledger != enginePostgres && !strings.HasPrefix(d.ledger, postgresScheme) {
		return failed(exitUsage, "", "--ledger is %s, %s or a URL postgres://…, not %q", engineSQLite, enginePostgres, d.ledger)
	}
	return nil
}

// open opens them: in one SQLite file, or each by itself with an outbox between them.
func (d demoEngines) open(ctx context.Context, o host.Options) (_ *host.Engines, err error) {
	if d.queue == engineSQLite && d.ledger == engineSQLite {
		return embedded.Open(ctx, o, "")
	}
	o = o.WithDefaults()
	var opened closers
	defer func() {
		if err != nil {
			err = errors.Join(err, opened.close())
		}
	}()
	messages, err := d.openQueue(ctx, o, &opened)
	if err != nil {
		return nil, err
	}
	books, err := d.openLedger(ctx, o, messages, &opened)
	if err != nil {
		return nil, err
	}
	return host.New(o, host.Stores{Queue: messages, Ledger: books.Ledger, Sweep: books.Flush, Close: opened.close})
}

func (d demoEngines) openQueue(ctx context.Context, o host.Options, opened *closers) (host.Queue, error) {
	if d.queue == engineFakeBus {
		return fakeBus(o, opened)
	}
	db, err := embedded.Database(ctx, filepath.Join(o.Config.Data, "queue.db"))
	if err != nil {
		return nil, err
	}
	opened.add(db.Close)
	q, err := queuesqlite.New(ctx, db, queuesqlite.Options{Now: o.Now, Observe: host.Warn[queue.Incident](o.Log, "queue")})
	if err == nil {
		opened.add(q.Close)
	}
	return q, err
}

// fakeBus is the real client of Azure Service Bus on a namespace inside this process.
func fakeBus(o host.Options, opened *closers) (host.Queue, error) {
	fake := servicebusfake.New(servicebusfake.Options{Now: o.Now, Queues: servicebusfake.Deployed(events.Functions()...)})
	opened.add(fake.Close)
	bus, err := servicebus.New(servicebus.Options{
		ConnectionString: "Endpoint=sb://servicebus-fake/;SharedAccessKeyName=demo;SharedAccessKey=ZGVtbw==",
		Dial:             fake.Dial, Queues: events.Functions(), Now: o.Now, Observe: host.Warn[queue.Incident](o.Log, "queue"),
	})
	if err == nil {
		opened.add(bus.Close)
	}
	return bus, err
}

func (d demoEngines) openLedger(ctx context.Context, o host.Options, sender tables.Sender, opened *closers) (*tables.OutboxLedger, error) {
	if d.ledger == engineSQLite {
		db, err := embedded.Database(ctx, o.Config.DatabasePath())
		if err != nil {
			return nil, err
		}
		opened.add(db.Close)
		return ledgersqlite.NewWithOutbox(ctx, db, tables.OutboxOptions{Sender: sender, Observe: host.Warn[error](o.Log, "outbox")})
	}
	url := d.ledger
	if url == enginePostgres {
		own, err := postgresserver.Start(ctx)
		if errors.Is(err, postgresserver.ErrNotInstalled) {
			return nil, failed(exitConfig, "or give the URL of a database with --ledger postgres://…", "%v", err)
		}
		if err != nil {
			return nil, err
		}
		opened.add(own.Close)
		url = own.URL("postgres")
	}
	if _, err := postgres.Migrate(ctx, url, false); err != nil {
		return nil, err
	}
	o.Config.Shared.Database = account.NewSecret(url)
	books, err := distributed.Ledger(ctx, o, sender)
	if err != nil {
		return nil, err
	}
	opened.add(books.Close)
	return books.OutboxLedger, nil
}

// closers close what was opened, the last first.
type closers struct{ all []func() error }

func (c *closers) add(f func() error) { c.all = append(c.all, f) }

func (c *closers) close() (err error) {
	for len(c.all) > 0 {
		last := len(c.all) - 1
		err = errors.Join(err, c.all[last]())
		c.all = c.all[:last]
	}
	return err
}
