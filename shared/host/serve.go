package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher365/usher/shared/queue"
)

// Grace is how long work in progress may take after the process was told to stop.
const Grace = 30 * time.Second

// Worker is a function on its queue.
type Worker struct {
	Function string
	Handle   queue.Handler
	// Workers is how many deliveries are handled at once. Zero means 4.
	Workers int
}

const defaultWorkers = 4

// Work hands the messages of each worker's queue to it until ctx ends, and then waits
// until every delivery in progress is settled or given back.
func (e *Engines) Work(ctx context.Context, workers ...Worker) error {
	group, ctx := errgroup.WithContext(ctx)
	if e.stores.Sweep != nil {
		group.Go(func() error { e.keepSwept(ctx); return nil })
	}
	for _, w := range workers {
		if w.Workers == 0 {
			w.Workers = defaultWorkers
		}
		group.Go(func() error {
			if err := e.Queue.Run(ctx, w.Function, queue.Options{Workers: w.Workers}, w.Handle); err != nil {
				return fmt.Errorf("work on queue %s: %w", w.Function, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// sweepEvery is how often the outbox is looked at for messages whose sender died
// between the commit and the send.
const sweepEvery = time.Minute

func (e *Engines) keepSwept(ctx context.Context) {
	for {
		if err := e.Sweep(ctx); err != nil && ctx.Err() == nil {
			e.Log.WarnContext(ctx, "messages stay in the outbox; they are sent in a minute", "error", err)
		}
		select {
		case <-time.After(sweepEvery):
		case <-ctx.Done():
			return
		}
	}
}

// Serve answers HTTP on a listener until ctx ends, and then lets calls in progress end.
func Serve(ctx context.Context, l net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), Grace)
	defer cancel()
	err := server.Shutdown(end)
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Listen opens the configured address.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}
