package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

// invocation is the document of a step.
type invocation struct {
	Command *events.Command `json:"command"`
	Request account.Request `json:"request"`
	Account account.Account `json:"account"`
	// Accounts and Requests are what a sync compares with the tenant.
	Accounts []account.Account `json:"accounts"`
	Requests []account.Request `json:"requests"`
}

// Stored is what a ledger and a queue would have been given.
type Stored struct {
	// Request and Account are the record as it is now; nil when there is none.
	Request *account.Request `json:"request,omitempty"`
	Account *account.Account `json:"account,omitempty"`
	Send    []message        `json:"send"`
	// Audit are entries in their order; the ledger that appends them numbers and chains them.
	Audit []ledger.Entry `json:"audit"`
}

// message is what goes to a queue.
type message struct {
	Queue string `json:"queue"`
	ID    string `json:"id"`
	// NotBefore holds it back until then; left out means at once.
	NotBefore time.Time       `json:"notBefore,omitzero"`
	Body      json.RawMessage `json:"body"`
}

// outcome is the answer of a step.
type outcome struct {
	Outcome string `json:"outcome"`
	// Reason is the fault code.
	Reason     string   `json:"reason,omitempty"`
	Text       string   `json:"text,omitempty"`
	NextAction string   `json:"nextAction,omitempty"`
	Next       *message `json:"next,omitempty"`
	Stored
	// Sync is what a sync found, Offboard what it would start, and Requests those
	// whose lost command it sent again.
	Sync     *ledger.SyncRun   `json:"sync,omitempty"`
	Offboard []due             `json:"offboard,omitempty"`
	Requests []account.Request `json:"requests,omitempty"`
}

// nothingDone explains a step that was skipped.
const nothingDone = "nothing was done: by its record the step is finished, not next, parked or cancelled, or this command is an old one"

// Step gives what handles one command of a function: deliver is the runner's own
// handler, such as Runner.Deliver.
func (p *Process) Step(function string, deliver queue.Handler) Handle {
	return func(ctx context.Context, doc []byte) (Answer, error) {
		in, err := decode(doc, function)
		if err != nil {
			return Answer{}, badInput{err}
		}
		p.load(in)
		d := queue.Delivery{Message: step.MessageFor(*in.Command, time.Time{}), Queue: function, Count: 1, EnqueuedAt: in.Command.Time}
		return p.answer(function, in, deliver(ctx, d)), nil
	}
}

func decode(doc []byte, function string) (in invocation, err error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return in, fmt.Errorf("read the invocation: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return in, errors.New("read the invocation: something follows the end of the document")
	}
	return in, in.check(function)
}

// check refuses parts that do not belong together.
func (in invocation) check(function string) error {
	r, a := in.Request, in.Account
	switch {
	case in.Command == nil:
		return errors.New("the invocation has no command")
	case in.Command.Function != function:
		return fmt.Errorf("the command is for %s, and this is %s", in.Command.Function, function)
	case in.Command.Request != r.ID:
		return fmt.Errorf("the command is about request %q, and the request given is %q", in.Command.Request, r.ID)
	case a.ID != r.AccountID:
		return fmt.Errorf("the request is about account %q, and the account given is %q", r.AccountID, a.ID)
	case a.ID != "" && a.Tenant != r.Tenant:
		return fmt.Errorf("the request is about tenant %q, and the account is in %q", r.Tenant, a.Tenant)
	case function != events.Notify && r.Step(in.Command.Step) == nil:
		return fmt.Errorf("request %s has no step %q", r.ID, in.Command.Step)
	}
	return in.unique()
}

// unique refuses what is given twice: one of the two would be lost.
func (in invocation) unique() error {
	seen := map[string]bool{"": true, in.Request.ID: true, in.Account.ID: true}
	for _, r := range in.Requests {
		if seen[r.ID] {
			return fmt.Errorf("request %q is given twice, or has no id", r.ID)
		}
		seen[r.ID] = true
	}
	for _, a := range in.Accounts {
		if seen[a.ID] {
			return fmt.Errorf("account %q is given twice, or has no id", a.ID)
		}
		seen[a.ID] = true
	}
	return nil
}

func (p *Process) load(in invocation) {
	for _, r := range append(in.Requests, in.Request) {
		p.Memory.requests = append(p.Memory.requests, &r)
	}
	for _, a := range append(in.Accounts, in.Account) {
		if a.ID != "" { // a sync has no account of its own
			p.Memory.accounts = append(p.Memory.accounts, &a)
		}
	}
}

func (p *Process) answer(function string, in invocation, came queue.Outcome) Answer {
	body := outcome{
		Reason: p.line.FaultCode, Text: p.line.Fault, NextAction: fault.Remedy(fault.Code(p.line.FaultCode)),
		Stored: p.Memory.Stored(in.Request.ID), Sync: p.Memory.night.run, Offboard: p.Memory.night.offboard,
	}
	exit := ExitOK
	switch came.Verb {
	case queue.Complete:
		body.Outcome = "done"
	case queue.Retry:
		body.Outcome, body.Next = "retry", messageOf(function, came.Next)
	case queue.DeadLetter:
		body.Outcome, exit = "dead", exitFailed
	default:
		body.Outcome, exit = "abandon", exitFailed
	}
	if p.line.Outcome == step.OutcomeSkipped {
		body.Text = nothingDone
	}
	for _, r := range in.Requests {
		if p.Memory.changed[r.ID] {
			body.Requests = append(body.Requests, *p.Memory.request(r.ID))
		}
	}
	return Answer{body, exit}
}

// Stored gives what became of a request, and everything that would be sent and
// appended with it.
func (m *Memory) Stored(requestID string) Stored {
	s := Stored{Send: []message{}, Audit: append([]ledger.Entry{}, m.audit...), Request: m.request(requestID)}
	if s.Request != nil {
		s.Account = m.account(s.Request.AccountID)
	}
	for _, out := range m.sent {
		s.Send = append(s.Send, *messageOf(out.Queue, out.Message))
	}
	return s
}

func messageOf(queue string, m queue.Message) *message {
	return &message{queue, m.ID, m.NotBefore, m.Body}
}
