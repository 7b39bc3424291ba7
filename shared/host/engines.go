// Package host is what a process of Usher stands on: queue, ledger, and the runner on
// top of them. It runs functions on their queues, and serves HTTP, until it is told to
// stop. Which engines there are is the matter of the packages below; what a function
// does, and which adapters it needs, is wired by its command and by functions/usher.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/uuid"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/telemetry"
)

// Options build Engines.
type Options struct {
	// Config is required.
	Config config.Config
	// Log is required.
	Log *slog.Logger
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Random gives a number in [0,1); nil means math/rand.
	Random func() float64
	// NewID gives fresh ids; nil means random UUIDs.
	NewID func() string
	// Meter counts what happens; nil counts nothing.
	Meter Meter
	// Credential signs in to a tenant, and to the shared queue where that is a namespace.
	// Nil where neither is called.
	Credential func(account.TenantID) (azcore.TokenCredential, error)
	// Consents signs in to a tenant as the application that grants consents. Nil means
	// that Credential does that too.
	Consents func(account.TenantID) (azcore.TokenCredential, error)
	// Observe hears of every delivery; nil writes one line to Log and counts it in Meter.
	Observe step.Observer
}

// Meter counts.
type Meter interface {
	telemetry.Counter
	// Synced notes when the last full sync of a tenant, by alias, finished.
	Synced(tenant string, at time.Time)
	// Unhealthy notes how many credentials and consents of a tenant, by alias, are in trouble.
	Unhealthy(tenant string, n int)
}

// uncounted is the meter of a process that has none.
type uncounted struct{}

func (uncounted) Delivered(step.Line)      {}
func (uncounted) Synced(string, time.Time) {}
func (uncounted) Unhealthy(string, int)    {}

// WithDefaults fills in what is nil.
func (o Options) WithDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Meter == nil {
		o.Meter = uncounted{}
	}
	if o.Consents == nil {
		o.Consents = o.Credential
	}
	if o.Observe == nil {
		o.Observe = telemetry.Deliveries(o.Log, o.Meter)
	}
	return o
}

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

// Stores are an open queue and an open ledger.
type Stores struct {
	Queue  Queue
	Ledger *tables.Ledger
	// Sweep sends, once, what a commit left in the outbox. Nil where the queue takes
	// part in the ledger's transaction.
	Sweep func(ctx context.Context) error
	// Close stops the queue, waits for its handlers, and closes the ledger.
	Close func() error
}

// Engines are open: close them.
type Engines struct {
	Options
	Queue   Queue
	Ledger  *tables.Ledger
	Runner  *step.Runner
	Tenants *Tenants

	stores Stores
}

// New makes a process on open stores, which it closes in the end, or at once when it
// fails: with config.Problems where the configured tenants are of several clouds.
func New(o Options, s Stores) (*Engines, error) {
	o = o.WithDefaults()
	if err := oneCloud(o.Config); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	e := &Engines{Options: o, Queue: s.Queue, Ledger: s.Ledger, Tenants: NewTenants(o.Config.Tenants), stores: s}
	e.Runner = step.New(step.Options{
		Ledger: e.Ledger, Tenant: e.Tenants.Find, Now: e.Now, Random: e.Random, NewToken: e.NewID,
		Compensation: profile.Compensation, Observe: e.Observe,
	})
	return e, nil
}

// Warn makes an observer that writes what went wrong, where no caller can be told, to
// the log under the name of what it happened to.
func Warn[T any](log *slog.Logger, where string) func(T) {
	return func(what T) { log.Warn(where, slog.Any("incident", what)) }
}

// Sweep sends, once, what a commit left in the outbox because its sender died or the
// queue did not answer. Where there is no outbox it does nothing.
func (e *Engines) Sweep(ctx context.Context) error {
	if e.stores.Sweep == nil {
		return nil
	}
	return e.stores.Sweep(ctx)
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

// Close gives the stores back.
func (e *Engines) Close() error { return e.stores.Close() }

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
