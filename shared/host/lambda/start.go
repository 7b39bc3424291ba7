package lambda

import (
	"context"
	"net/http"
	"os"
	"time"

	runtime "github.com/aws/aws-lambda-go/lambda"
)

// ServeHTTP is the main of a function that answers HTTP. It does not return.
func ServeHTTP(function string, wire func(context.Context, *Process) (http.Handler, error)) {
	m := newMachine(function, os.LookupEnv, os.Stdout, os.Stderr)
	d := door{m, wired(m, wire)}
	runtime.StartHandlerFunc(d.handle, runtime.WithEnableSIGTERM(m.shut))
}

// Consume is the main of a function that works on the queue of its name. It does not return.
func Consume(function string, wire func(context.Context, *Process) (Consumer, error)) {
	m := newMachine(function, os.LookupEnv, os.Stdout, os.Stderr)
	d := drainer{m, wired(m, wire)}
	runtime.StartHandlerFunc(d.handle, runtime.WithEnableSIGTERM(m.shut))
}

// toAnswer is what is left of an event's time for the answer.
const toAnswer = time.Second

// door answers HTTP events.
type door struct {
	*machine
	handler *opened[http.Handler]
}

func (d *door) handle(ctx context.Context, e request) (response, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-toAnswer))
		defer cancel()
	}
	handler, err := d.handler.get(ctx)
	if err != nil {
		d.log.ErrorContext(ctx, "not ready: the function cannot be opened; the next event tries again", "error", err)
		later := plain(http.StatusServiceUnavailable)
		later.Headers["retry-after"] = "30"
		return later, nil
	}
	defer d.wakes.settle()
	return answer(ctx, d.log, handler, e)
}
