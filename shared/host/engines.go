// Package host is what a process of Usher stands on: it opens the engines (database,
// queue, ledger), runs functions on their queues, and serves HTTP, until it is told
// to stop. What a function does, and which adapters it needs, is wired by functions/usher.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/uuid"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/ledger"
	ledgersqlite "github.com/usher365/usher/shared/ledger/sqlite"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/profile"
	queuesqlite "github.com/usher365/usher/shared/queue/sqlite"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/telemetry"
)

// Options build Engines.
type Options struct {
	// Config is required.
	Config config.Config
	// Log is required.
	Log *slog.Logger
	// Database is the path of the database; empty means the configured one.
	Database string
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Random gives a number in [0,1); nil means math/rand.
	Random func() float64
	// NewID gives fresh ids; nil means random UUIDs.
	NewID func() string
	// Metrics count what happens; nil means metrics of our own.
	Metrics *telemetry.Metrics
	// Credential signs in to the shared queue; needed only where that is a namespace.
	Credential func(account.TenantID) (azcore.TokenCredential, error)
	// Observe hears of every delivery; nil writes one line to Log and counts it in Metrics.
	Observe step.Observer
}

func (o Options) withDefaults() Options {
	if o.Database == "" {
		o.Database = o.Config.DatabasePath()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Metrics == nil {
		o.Metrics = telemetry.NewMetrics(o.Now)
	}
	if o.Observe == nil {
		o.Observe = telemetry.Deliveries(o.Log, o.Metrics)
	}
	return o
}

// Engines are open: close them.
type Engines struct {
	Options
	Queue   Queue
	Ledger  *tables.Ledger
	Runner  *step.Runner
	Tenants *Tenants

	// sweep sends what a commit left in the outbox, until ctx ends; nil where none is left.
	sweep func(ctx context.Context)
	// close gives the engines back, the last opened first.
	close []func() error
}

// Open opens the configured engines: PostgreSQL and Service Bus, which several processes
// share, or else the embedded one, where a second process gets ledger.ErrLocked.
func Open(ctx context.Context, o Options) (*Engines, error) {
	o = o.withDefaults()
	if err := oneCloud(o.Config); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Config.Data, 0o700); err != nil {
		return nil, fmt.Errorf("use the data directory: %w", err)
	}
	e := &Engines{Options: o, Tenants: NewTenants(o.Config.Tenants)}
	open := e.openEmbedded
	if o.Config.Shared.Given() && o.Database != database.Memory {
		open = e.openShared
	}
	if err := open(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.Runner = step.New(step.Options{
		Ledger: e.Ledger, Tenant: e.Tenants.Find, Now: e.Now, Random: e.Random, NewToken: e.NewID,
		Compensation: profile.Compensation, Observe: e.Observe,
	})
	e.Metrics.WatchQueues(events.Functions(), e.Queue.Depth)
	return e, nil
}

func (e *Engines) openEmbedded(ctx context.Context) error {
	db, err := database.Open(ctx, database.Options{Path: e.Database})
	if errors.Is(err, ledger.ErrLocked) {
		return fmt.Errorf("%w (the embedded engine serves one process; run every function in one with 'usher serve')", err)
	}
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	e.closeLater(db.Close)
	queue, err := queuesqlite.New(ctx, db, queuesqlite.Options{Now: e.Now, Observe: func(i queuesqlite.Incident) { e.incident(ctx, i) }})
	if err != nil {
		return fmt.Errorf("open the queue: %w", err)
	}
	e.Queue = queue
	e.closeLater(queue.Close)
	books, err := ledgersqlite.New(ctx, db, queue)
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	e.Ledger = books.Ledger
	return nil
}

func (e *Engines) closeLater(f func() error) { e.close = append(e.close, f) }

func (e *Engines) incident(ctx context.Context, what any) {
	e.Log.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "queue", slog.Any("incident", what))
}

// Ready says why the process cannot work; nothing when it can.
func (e *Engines) Ready(ctx context.Context) (reasons []string) {
	if _, err := e.Ledger.AuditTenants(ctx); err != nil {
		reasons = append(reasons, "the ledger cannot be read: "+err.Error())
	}
	for _, t := range e.Tenants.Unknown() {
		reasons = append(reasons, "the domains of tenant "+t.Alias+" are not known yet; 'usher doctor' says why")
	}
	return reasons
}

// Close stops the queues, waits for their handlers, and closes the ledger.
func (e *Engines) Close() (err error) {
	for _, f := range slices.Backward(e.close) {
		err = errors.Join(err, f())
	}
	e.close = nil
	return err
}

// oneCloud refuses tenants of several clouds in one process: clients, scopes and
// credentials belong to one cloud each, and a mix would send one cloud's token to another.
func oneCloud(c config.Config) error {
	for _, t := range c.Tenants {
		if t.Cloud != "" && t.Cloud != c.Cloud {
			return config.Problems{{Where: "tenants." + t.Alias + ".cloud", What: fmt.Sprintf(
				"is %s while cloud is %s; run one usher for each cloud", t.Cloud, c.Cloud)}}
		}
	}
	return nil
}
