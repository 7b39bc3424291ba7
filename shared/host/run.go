package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/telemetry"
)

// Process is one function in a process of its own.
type Process struct {
	*Engines
	// Env looks a variable of the environment up.
	Env func(string) (string, bool)
}

// Run is the whole main of a function: it reads the configuration from the
// environment (and from the file that USHER_CONFIG names), opens the engines, and lets
// serve wire the function and work until SIGTERM or SIGINT. It ends the process, with
// status 0, 1 for a failure, or 3 for a configuration that cannot be used.
func Run(serve func(context.Context, *Process) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.LookupEnv, os.Stderr, serve)
	stop()
	os.Exit(code)
}

// The exit codes, as 'usher help exit-codes' explains them.
const (
	exitFailed = 1
	exitConfig = 3
)

func run(ctx context.Context, env func(string) (string, bool), stderr io.Writer, serve func(context.Context, *Process) error) int {
	err := process(ctx, env, stderr, serve)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "usher: %v\n", err)
	if _, wrong := errors.AsType[config.Problems](err); wrong {
		return exitConfig
	}
	return exitFailed
}

func process(ctx context.Context, env func(string) (string, bool), stderr io.Writer, serve func(context.Context, *Process) error) (err error) {
	path, _ := env("USHER_CONFIG")
	c, err := config.Load(path, env)
	if err != nil {
		return err
	}
	if err := c.Check(config.NeedTenants); err != nil {
		return err
	}
	e, err := Open(ctx, Options{Config: c, Log: logTo(stderr)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	return serve(ctx, &Process{e, env})
}

// logTo writes JSON unless a person reads along.
func logTo(w io.Writer) *slog.Logger {
	f, ok := w.(*os.File)
	return telemetry.NewLogger(w, telemetry.LogOptions{JSON: !ok || !term.IsTerminal(int(f.Fd()))})
}

// Serve answers HTTP on the configured address, and runs workers beside it, until ctx ends.
func (p *Process) Serve(ctx context.Context, handler http.Handler, workers ...Worker) error {
	l, err := Listen(ctx, p.Config.Listen)
	if err != nil {
		return err
	}
	p.Log.InfoContext(ctx, "serving", "address", l.Addr().String())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return Serve(ctx, l, handler) })
	group.Go(func() error { return p.Work(ctx, workers...) })
	return group.Wait()
}

// Handle works on the queue of one registered function until ctx ends, and answers
// the probes on the configured address meanwhile.
func (p *Process) Handle(ctx context.Context, w Worker) error {
	return p.Serve(ctx, p.Probed(http.NotFoundHandler()), w)
}

// Probed answers /healthz and /metrics, and leaves the rest to next.
func (p *Process) Probed(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.Handle("GET /metrics", p.Metrics.Handler())
	mux.Handle("/", next)
	return mux
}

// NeedDomains refuses tenants without configured domains, for a function that makes no
// calls to tenants and cannot ask them.
func (p *Process) NeedDomains() error {
	var missing config.Problems
	for _, t := range p.Tenants.Unknown() {
		missing = append(missing, config.Problem{Where: "tenants." + t.Alias + ".domains", What: "are missing; this function makes no calls to the tenant, so it must be told, the initial onmicrosoft.com domain first"})
	}
	if len(missing) > 0 {
		return missing
	}
	return nil
}
