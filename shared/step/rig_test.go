package step_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

// book is a ledger of one process: records by request, each change all or nothing.
type book struct {
	mu      sync.Mutex
	records map[string]ledger.Record
	notices map[string]ledger.Notice
	fail    error
}

func (b *book) Update(_ context.Context, id string, change func(*ledger.Record) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	rec, there := b.records[id]
	if !there {
		return ledger.ErrNotFound
	}
	working := rec
	working.Request.Steps = append([]account.Step(nil), rec.Request.Steps...)
	working.Account.Grants = append([]account.Grant(nil), rec.Account.Grants...)
	if err := change(&working); err != nil {
		return err
	}
	b.records[id] = working
	return nil
}

func (b *book) UpdateNotice(_ context.Context, key string, change func(*ledger.Notice) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, there := b.notices[key]
	switch {
	case b.fail != nil:
		return b.fail
	case !there:
		return ledger.ErrNotFound
	}
	if err := change(&n); err != nil {
		return err
	}
	b.notices[key] = n
	return nil
}

// rig is a runner with one request of two steps, a clock, and a scripted handler.
type rig struct {
	t      *testing.T
	book   *book
	runner *step.Runner
	now    time.Time
	lines  []step.Line
	// answers are what the handler says, in order; the last one stays.
	answers []func() (step.Result, error)
	calls   int
	told    []events.Status
	tell    error
	notices queue.Handler
	// mailed are the addresses that got mail; refused says why one gets none.
	mailed  []string
	refused map[string]error
}

func (r *rig) takeMail(_ context.Context, _ ledger.Notice, _, to string) error {
	if err := r.refused[to]; err != nil {
		return err
	}
	r.mailed = append(r.mailed, to)
	return nil
}

type args struct {
	Word string `json:"word"`
}

func setup(t *testing.T, answers ...func() (step.Result, error)) *rig {
	t.Helper()
	r := &rig{t: t, now: t0, answers: answers, book: &book{records: map[string]ledger.Record{}, notices: map[string]ledger.Notice{}}, refused: map[string]error{}}
	data := json.RawMessage(`{"word":"hello"}`)
	r.book.records["req"] = ledger.Record{
		Request: account.Request{ID: "req", Action: account.Onboard, Tenant: "tid", AccountID: "acc", UserPrincipalName: "svc@contoso", CreatedAt: t0, Steps: []account.Step{
			{Name: "one", Function: events.Create, Title: "Make it", Args: data, State: account.StepPending},
			{Name: "two", Function: events.AssignRole, Title: "Give it a role", Args: data, State: account.StepPending},
		}},
		Account: account.Account{ID: "acc", State: account.AccountPlanned},
	}
	tokens := 0
	r.runner = step.New(step.Options{
		Ledger: r.book, Now: func() time.Time { return r.now }, Random: func() float64 { return 0 },
		Tenant: func(id account.TenantID) (account.Tenant, bool) {
			return account.Tenant{ID: id, Alias: "contoso"}, id == "tid"
		},
		NewToken: func() string { tokens++; return fmt.Sprint("token-", tokens) },
		Compensation: func(account.Request, account.Account) []account.Step {
			return []account.Step{{Name: "undo", Function: events.Revoke, Title: "Take it away", Args: data, State: account.StepPending, Compensates: true}}
		},
		Observe: func(_ context.Context, l step.Line) { r.lines = append(r.lines, l) },
	})
	for _, function := range []string{events.Create, events.AssignRole, events.Revoke} {
		step.Handle(r.runner, function, step.Policy{MaxFailures: 3, Tell: 30 * time.Minute, Alarm: 2 * time.Hour, Patience: 24 * time.Hour}, r.handle)
	}
	r.notices = r.runner.HandleNotices(step.Policy{MaxFailures: 2}, func(_ context.Context, s events.Status) error {
		if r.tell == nil {
			r.told = append(r.told, s)
		}
		return r.tell
	}, r.takeMail)
	return r
}

func (r *rig) handle(_ context.Context, t step.Task[args]) (step.Result, error) {
	assert.Equal(r.t, "hello", t.Args.Word)
	answer := r.answers[min(r.calls, len(r.answers)-1)]
	r.calls++
	return answer()
}

func done() (step.Result, error) { return step.Result{Detail: "seen"}, nil }

func failing(err error) func() (step.Result, error) {
	return func() (step.Result, error) { return step.Result{}, err }
}

func (r *rig) record() *ledger.Record {
	r.book.mu.Lock()
	defer r.book.mu.Unlock()
	rec := r.book.records["req"]
	return &rec
}

// lease puts the account's lease into other hands.
func (r *rig) lease(l ledger.Lease) {
	r.book.mu.Lock()
	defer r.book.mu.Unlock()
	rec := r.book.records["req"]
	rec.Lease = l
	r.book.records["req"] = rec
}

// lose lets every change of the ledger fail.
func (r *rig) lose(err error) {
	r.book.mu.Lock()
	defer r.book.mu.Unlock()
	r.book.fail = err
}

// deliver hands over the message for a step as the queue would.
func (r *rig) deliver(m queue.Message) queue.Outcome { return r.deliverTimes(m, 1) }

// deliverTimes hands over a message for the given time.
func (r *rig) deliverTimes(m queue.Message, count int) queue.Outcome {
	var cmd events.Command
	require.NoError(r.t, json.Unmarshal(m.Body, &cmd))
	return r.runner.Deliver(context.Background(), queue.Delivery{Message: m, Queue: cmd.Function, Count: count})
}

func (r *rig) first() queue.Message {
	rec := r.record()
	return step.Begin(&rec.Request, rec.Request.Step("one"), "contoso", r.now).Message
}

// sent lists what the record sends, but for notices, and those apart.
func (r *rig) sent() (commands, notices []ledger.Outgoing) {
	for _, o := range r.record().Send {
		if o.Queue == events.Notify {
			notices = append(notices, o)
		} else {
			commands = append(commands, o)
		}
	}
	return commands, notices
}
