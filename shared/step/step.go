// Package step runs one handler on one delivery: it reads the request's state,
// takes the account's lease, calls the handler, decides what the answer means
// (Decide), and records the step together with the commands that follow in one
// transaction. Handlers know nothing of queues, retries or the order of a plan.
package step

import (
	"context"
	"encoding/json"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// Task is what a handler gets: one command, and what the ledger knows about it.
type Task[A any] struct {
	Request account.Request
	Account account.Account
	Tenant  account.Tenant
	Step    account.Step
	Args    A
	Now     time.Time
}

// Waited is how long this step has been tried already.
func (t Task[A]) Waited() time.Duration { return t.Step.Waited(t.Now) }

// Result is what a handler did, as read back.
type Result struct {
	// Detail is one line for the timeline: "Security Administrator assigned".
	Detail string
	// Learn writes what was found out into the account's row, whether or not the
	// handler also returns an error. Nil learns nothing.
	Learn func(*account.Account)
	// Again asks to be called again at once, after Learn and Checkpoint were committed:
	// an intent that must be on record before the effect, or work for which no time is
	// left now (TimeLeft). It counts as no failure; see Policy.MaxAgain.
	Again bool
	// Checkpoint is where the work stands, as JSON. It is kept with the step, whether or
	// not the handler also returns an error, and comes back as Task.Step.Checkpoint at
	// the next attempt, but not at a replay. Nil keeps the one before. It is a row's
	// part and not a message's, but keep it small.
	Checkpoint json.RawMessage
	// Credential is told to the ticket in a status of its own, in the transaction that
	// records Learn and Checkpoint; with an error it is not. It travels on the queue, so
	// it holds nothing that opens anything.
	Credential *events.StatusSecret
	// Consent is told to the ticket like a Credential: the link in it is made when the
	// status leaves.
	Consent *events.StatusConsentLink
	// Tell, beside an error for which the step waits, tells the ticket of it now and not
	// only when the wait has become long.
	Tell bool
	// Park, in a result without an error, says why a person has to agree before the next
	// step of the plan: the step is done, and the request is parked until it is approved.
	// After the last step there is nothing to agree to, and it is left unread.
	Park string
}

// Func is a handler: look, decide, act, read back. The error is the outcome; see package fault.
type Func[A any] func(context.Context, Task[A]) (Result, error)
