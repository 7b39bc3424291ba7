package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

// Ledger is what the runner needs of the ledger: change one record, or one notice, in
// one transaction. An error of change rolls back and comes back as it is.
type Ledger interface {
	Update(ctx context.Context, requestID string, change func(*ledger.Record) error) error
	UpdateNotice(ctx context.Context, key string, change func(*ledger.Notice) error) error
}

// Options build a Runner. Every field is required but Observe.
type Options struct {
	Ledger Ledger
	// Tenant finds a configured tenant.
	Tenant func(account.TenantID) (account.Tenant, bool)
	Now    func() time.Time
	// Random gives a number in [0,1), for jitter.
	Random func() float64
	// NewToken gives a fresh lease token.
	NewToken func() string
	// Compensation plans how to take away what a failed request gave.
	Compensation func(account.Request, account.Account) []account.Step
	// Observe hears of every delivery; nil hears nothing.
	Observe Observer
}

// Runner runs handlers on deliveries.
type Runner struct {
	Options
	functions map[string]function
}

// function is a registered handler with its arguments' type folded away.
type function struct {
	policy Policy
	handle func(context.Context, Task[json.RawMessage]) (Result, error)
}

// New makes a runner without functions; see Handle.
func New(o Options) *Runner {
	if o.Observe == nil {
		o.Observe = func(context.Context, Line) {}
	}
	return &Runner{Options: o, functions: map[string]function{}}
}

// Handle registers the handler of a function.
func Handle[A any](r *Runner, name string, p Policy, fn Func[A]) {
	r.functions[name] = function{p.withDefaults(), func(ctx context.Context, t Task[json.RawMessage]) (Result, error) {
		var args A
		if err := json.Unmarshal(t.Args, &args); err != nil {
			return Result{}, fault.Stopf(fault.MalformedCommand, "read the arguments of %s: %w", name, err)
		}
		return fn(ctx, Task[A]{t.Request, t.Account, t.Tenant, t.Step, args, t.Now})
	}}
}

// attempt is one delivery on its way through the runner.
type attempt struct {
	cmd     events.Command
	fn      function
	token   string
	started time.Time
	// deliveries is how often the engine handed this very message over.
	deliveries int
	// free is when the lease that keeps this attempt waiting ends at the latest.
	free time.Duration
	// code and why say for what a delivery of a failed step is put aside.
	code fault.Code
	why  string
	task Task[json.RawMessage]
}

// recordTimeout bounds the writing down of an attempt.
const recordTimeout = 30 * time.Second

// Deliver is the queue.Handler of every command but notify.
func (r *Runner) Deliver(ctx context.Context, d queue.Delivery) queue.Outcome {
	a := attempt{token: r.NewToken(), started: r.Now(), deliveries: d.Count}
	line := Line{Function: d.Queue, Deliveries: d.Count}
	outcome := r.deliver(ctx, d, &a, &line)
	line.Request, line.Step, line.Attempt = a.cmd.Request, a.cmd.Step, a.cmd.Attempt
	line.Tenant, line.Account = a.cmd.Tenant, a.cmd.Subject
	line.Duration = r.Now().Sub(a.started)
	r.Observe(ctx, line)
	return outcome
}

func (r *Runner) deliver(ctx context.Context, d queue.Delivery, a *attempt, line *Line) queue.Outcome {
	if err := r.decode(d, a); err != nil {
		return line.malformed(err)
	}
	switch admitted, err := r.begin(ctx, a); {
	case errors.Is(err, ledger.ErrNotFound):
		return line.malformed(fmt.Errorf("no request %s: %w", a.cmd.Request, err))
	case err != nil:
		return line.unrecorded(a.cmd, r.Now(), err)
	case admitted == busy:
		return line.again(a.cmd, r.Now().Add(busyPause(a.free)), fault.AccountBusy)
	case admitted == overtaken:
		line.Outcome = OutcomeSkipped
		return queue.Done()
	case admitted == givenUp:
		return line.aside(a.code, a.why)
	}
	result, err := r.call(ctx, a)
	// What was done is written down although the lock was lost or the process stops: the
	// lease says whether it may be.
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if ctx.Err() != nil && err != nil {
		return r.giveUp(recording, a, context.Cause(ctx), line)
	}
	return r.finish(recording, a, result, err, line)
}

func (r *Runner) decode(d queue.Delivery, a *attempt) error {
	if err := json.Unmarshal(d.Body, &a.cmd); err != nil {
		return err
	}
	fn, ok := r.functions[a.cmd.Function]
	if !ok || a.cmd.Function != d.Queue {
		return fmt.Errorf("a command for %q came on queue %q", a.cmd.Function, d.Queue)
	}
	a.fn = fn
	return nil
}

// begin records that the attempt runs, and takes the account's lease.
func (r *Runner) begin(ctx context.Context, a *attempt) (admission, error) {
	var admitted admission
	err := r.Ledger.Update(ctx, a.cmd.Request, func(rec *ledger.Record) error {
		now := r.Now()
		if admitted = a.admit(rec, now); admitted != welcome {
			return nil
		}
		st := rec.Request.Step(a.cmd.Step)
		st.State, st.Attempt, st.NextTry, st.TouchedAt = account.StepRunning, a.cmd.Attempt, time.Time{}, now
		if st.FirstSeen.IsZero() {
			st.FirstSeen = now
		}
		a.cmd.FirstSeen = st.FirstSeen
		if rec.Account.ID != "" {
			rec.Lease = ledger.Lease{Token: a.token, Until: now.Add(leaseTime)}
			if a.cmd.Function != events.Revoke {
				rec.Account.TriedAt = now
			}
		}
		tenant, known := r.Tenant(rec.Request.Tenant)
		if !known {
			tenant = account.Tenant{ID: rec.Request.Tenant}
		}
		a.task = Task[json.RawMessage]{rec.Request, rec.Account, tenant, *st, a.cmd.Data, now}
		return nil
	})
	return admitted, err
}

// call runs the handler with a time limit; a panic is a failure like any other.
func (r *Runner) call(ctx context.Context, a *attempt) (res Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.fn.policy.Timeout)
	defer cancel()
	if a.task.Account.ID != "" {
		var letGo func()
		ctx, letGo = r.keepLease(ctx, a)
		defer letGo()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fault.Retry(fault.StepPanicked, 0, fmt.Errorf("%v\n%s", p, debug.Stack()))
		}
	}()
	if a.task.Tenant.Alias == "" {
		return Result{}, fault.Stopf(fault.UnknownTenant, "tenant %s is not configured any more", a.task.Tenant.ID)
	}
	return a.fn.handle(ctx, a.task)
}

// finish records the attempt and what follows from it.
func (r *Runner) finish(ctx context.Context, a *attempt, result Result, handled error, line *Line) queue.Outcome {
	var (
		decision Decision
		failed   error
		late     bool
	)
	err := r.Ledger.Update(ctx, a.cmd.Request, func(rec *ledger.Record) error {
		st := rec.Request.Step(a.cmd.Step)
		if !a.current(rec, st) {
			return errOvertaken
		}
		rec.Lease = ledger.Lease{}
		if result.Learn != nil {
			before := slices.Clone(rec.Account.Grants)
			result.Learn(&rec.Account)
			alert(rec, before, a.cmd.Function, r.Now())
		}
		if result.Checkpoint != nil {
			st.Checkpoint = result.Checkpoint
		}
		now, again := r.Now(), handled == nil && result.Again
		if failed = handled; again {
			failed = a.fn.policy.again(st)
		}
		decision = Decide(failed, rec.Request.Tenant, a.cmd, a.fn.policy, now, r.Random())
		if again && failed == nil {
			decision.Verdict, decision.At = WaitMore, now
		}
		alarmed := st.Alarmed
		if handled == nil && result.Credential != nil {
			tellCredential(rec, a.task.Tenant, *result.Credential, now)
		}
		if handled == nil && result.Consent != nil {
			TellConsent(rec, a.task.Tenant, *result.Consent, now)
		}
		adv := advance{rec: rec, step: st, tenant: a.task.Tenant, policy: a.fn.policy, now: now, compensation: r.Compensation, park: result.Park, loud: result.Tell}
		adv.record(decision, result.Detail, failed)
		late = st.Alarmed && !alarmed
		return nil
	})
	if err != nil {
		return line.unrecorded(a.cmd, r.Now(), err)
	}
	line.Waited, line.Late = waitedSince(a.cmd.FirstSeen, r.Now()), late
	return line.settle(a.cmd, decision, failed)
}
