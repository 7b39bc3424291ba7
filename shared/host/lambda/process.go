package lambda

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/distributed"
	"github.com/usher365/usher/shared/host/references"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/telemetry"
	"github.com/usher365/usher/shared/telemetry/cloudwatch"
)

// Process is what a function is wired to: its queue, ledger and runner are open.
type Process struct {
	*host.Engines
	source *identity.Source
	// unidentified is why there is no source.
	unidentified error
}

// SignIn gives what signs in to tenants, the same that opened the queue: what AWS vouches
// for is asked for once. It fails with config.Problems when the environment names no
// credential, and tells the log of one that is not recommended.
func (p *Process) SignIn() (func(account.TenantID) (azcore.TokenCredential, error), error) {
	if p.unidentified != nil {
		return nil, config.Problems{{Where: "credential", What: p.unidentified.Error()}}
	}
	if warning := p.source.Method().Warning(); warning != "" {
		p.Log.Warn(warning)
	}
	return p.Credential, nil
}

// Own tells what is known about the credential of SignIn. Call it after SignIn.
func (p *Process) Own() *identity.Source { return p.source }

// SignInForConsents is SignIn as the application that grants consents, where the
// environment names one beside that of SignIn.
func (p *Process) SignInForConsents() (func(account.TenantID) (azcore.TokenCredential, error), error) {
	_, err := p.SignIn()
	return p.Consents, err
}

// opened is opened at its first use, and kept. A failure is not kept: the next use tries again.
type opened[T any] struct {
	open func(context.Context) (T, error)

	mu   sync.Mutex
	got  T
	done bool
}

func (o *opened[T]) get(ctx context.Context) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return o.got, nil
	}
	got, err := o.open(ctx)
	if err != nil {
		var none T
		return none, err
	}
	o.got, o.done = got, true
	return got, nil
}

// machine is the process of a function. Making it opens nothing.
type machine struct {
	function string
	env      func(string) (string, bool)
	log      *slog.Logger
	meter    *cloudwatch.Meter
	wakes    *wakes

	mu      sync.Mutex
	process *Process
}

func newMachine(function string, env func(string) (string, bool), out, complaints io.Writer) *machine {
	log := telemetry.NewLogger(complaints, telemetry.LogOptions{JSON: true})
	m := &machine{function: function, env: env, log: log, meter: cloudwatch.New(out, time.Now)}
	m.wakes = newWakes(wakerFrom(env), log)
	return m
}

// wired opens the engines and wires a function to them.
func wired[T any](m *machine, wire func(context.Context, *Process) (T, error)) *opened[T] {
	return &opened[T]{open: func(ctx context.Context) (got T, err error) {
		p, err := m.open(ctx)
		if err != nil {
			return got, err
		}
		if got, err = wire(ctx, p); err != nil {
			return got, errors.Join(err, p.Close())
		}
		m.keep(p)
		return got, nil
	}}
}

func (m *machine) keep(p *Process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.process = p
}

// running gives the process, nil while none is open.
func (m *machine) running() *Process {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.process
}

// shut closes what is open, and ends the process: it is told to stop.
func (m *machine) shut() {
	if p := m.running(); p != nil {
		if err := p.Close(); err != nil {
			m.log.Warn("stopped, and not everything could be closed", "error", err)
		}
	}
	os.Exit(0)
}

// open reads the configuration, with the secrets of this function only, and opens ledger
// and queue.
func (m *machine) open(ctx context.Context) (*Process, error) {
	c, err := config.Load(m.configFile(), m.env, references.New(references.Options{Env: m.env}), m.function)
	if err != nil {
		return nil, err
	}
	if !c.Shared.Given() {
		return nil, config.Problems{{
			Where: "USHER_DATABASE_URL and USHER_SERVICEBUS_NAMESPACE",
			What:  "are missing; functions share a PostgreSQL database and a Service Bus namespace",
		}}
	}
	as := identity.Options{Env: m.env, AuthorityHost: c.Endpoints.Login}
	source, unidentified := identity.New(as)
	as.ForConsents = true
	signIn := func(t account.TenantID) (azcore.TokenCredential, error) {
		if unidentified != nil {
			return nil, unidentified
		}
		return source.Fresh(t)
	}
	o := host.Options{Config: c, Log: m.log, Meter: m.meter, Credential: signIn, Consents: identity.Credentials(as)}.WithDefaults()
	engines, err := distributed.Open(ctx, o, func(bus tables.Sender) tables.Sender { return sender{bus, m.wakes, o.Now} })
	if err != nil {
		return nil, err
	}
	return &Process{engines, source, unidentified}, nil
}

// packagedConfig is the configuration that 'make package CONFIG=FILE' puts beside the binary.
const packagedConfig = "usher.yaml"

// configFile is the path of the configuration: USHER_CONFIG, or the one in the package.
// Empty means that there is none.
func (m *machine) configFile() string {
	if path, _ := m.env("USHER_CONFIG"); path != "" {
		return path
	}
	root, _ := m.env("LAMBDA_TASK_ROOT") // source: AWS Lambda Developer Guide, "Defined runtime environment variables"
	if root == "" {
		return ""
	}
	path := filepath.Join(root, packagedConfig)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
