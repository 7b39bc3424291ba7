package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/azurefunctions"
	"github.com/usher365/usher/shared/queue"
)

// The functions that are reached over HTTP, by the name of their folder.
const (
	Intake  = "intake"
	Console = "console"
)

// The functions of Azure that a timer starts.
const (
	timerFullSync = "full-sync"
	timerSweep    = "sweep"
	timerProbe    = "probe"
)

// Functions lists everything that a process can serve: those on HTTP, then those on queues.
func Functions() []string { return append([]string{Intake, Console}, events.Functions()...) }

// Serves reports whether this process serves a function.
func (a *App) Serves(function string) bool {
	return len(a.options.Functions) == 0 || slices.Contains(a.options.Functions, function)
}

// Serve answers HTTP on l and works on the queues, until ctx ends. The timers of the night
// and of the hour run where fullsync is served: in one process, for two would begin the
// sync twice.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return host.Serve(ctx, l, a.Handler()) })
	group.Go(func() error { return a.Work(ctx) })
	if a.Serves(events.FullSync) {
		group.Go(func() error { return a.Nightly(ctx, a.Desk) })
		group.Go(func() error { return a.Hourly(ctx, a.Prober) })
	}
	return group.Wait()
}

// ServeAzureFunctions answers the host of Azure Functions on l, until ctx ends: the host
// takes from the queues and keeps the time.
func (a *App) ServeAzureFunctions(ctx context.Context, l net.Listener) error {
	sender, can := a.Queue.(azurefunctions.Sender)
	if !can {
		return errors.New("app: Azure Functions needs the queue on Service Bus")
	}
	queues := map[string]queue.Handler{}
	for _, w := range a.workers {
		queues[w.Function] = w.Handle
	}
	group, ctx := errgroup.WithContext(ctx)
	handler := azurefunctions.New(ctx, azurefunctions.Options{
		Queues: queues, HTTP: a.Handler(), Sender: sender, Log: a.Log,
		Timers: map[string]func(context.Context) error{timerFullSync: a.startNight, timerSweep: a.Sweep, timerProbe: a.probeAll},
	})
	group.Go(func() error { return host.Serve(ctx, l, handler) })
	group.Go(func() error { a.learnLate(ctx); return nil })
	return group.Wait()
}

// startNight starts the sync of every tenant.
func (a *App) startNight(ctx context.Context) error {
	_, err := a.StartNight(ctx, a.Desk, "", a.Now().UTC().Format(time.DateOnly))
	return err
}

// probeAll looks at the health of credentials in every tenant.
func (a *App) probeAll(ctx context.Context) error { return a.ProbeAll(ctx, a.Prober) }

// front answers what is served over HTTP, and always whether the process is well.
func (a *App) front(api, door http.Handler, path string, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"GET /healthz", "GET /readyz", "GET /metrics"} {
		mux.Handle(path, api)
	}
	if a.Serves(Console) {
		mux.Handle("/", api)
		a.consents.Mount(mux)
		if page != nil {
			mux.Handle(path, page)
		}
	}
	if a.Serves(Intake) && door != nil {
		mux.Handle(intake.Path, door)
	}
	return mux
}
