package step

import (
	"context"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// margin is what a handler that goes on later leaves of its time: enough for the piece
// of work it has just begun, and for the runner to record and send what follows.
const margin = time.Minute

// TimeLeft gives a function that reports whether there is time to begin another piece of
// work: until a minute before the deadline of ctx, or until three quarters of the time
// are over if that is later. Without a deadline there always is. It goes by the clock
// that ends contexts.
func TimeLeft(ctx context.Context) func() bool {
	deadline, limited := ctx.Deadline()
	if !limited {
		return func() bool { return true }
	}
	end := deadline.Add(-min(margin, time.Until(deadline)/4))
	return func() bool { return time.Now().Before(end) }
}

// again counts that a handler asks to be called again at once, and stops one that
// seems never to end.
func (p Policy) again(st *account.Step) error {
	if st.Continued == p.MaxAgain {
		return fault.Stopf(fault.StepEndless, "%s went on %d times and has not come to its end", st.Title, p.MaxAgain)
	}
	st.Continued++
	return nil
}
