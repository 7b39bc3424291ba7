package account

import (
	"encoding/json"
	"time"
)

// Action is what a request asks for.
type Action string

const (
	// Onboard makes (or adopts) an account and gives it its rights.
	Onboard Action = "onboard"
	// Modify gives rights to an existing account.
	Modify Action = "modify"
	// Offboard takes everything away again.
	Offboard Action = "offboard"
	// Restore takes an offboarding back (usher undo).
	Restore Action = "restore"
	// Rotate sets a new password and hands it over.
	Rotate Action = "rotate"
	// Extend changes the dates of an account's life; it has no steps.
	Extend Action = "extend"
	// Sync is the nightly comparison of one tenant; it has no account.
	Sync Action = "sync"
)

// Request is one accepted (or refused) ticket: a row of the ledger. Its state is
// computed from its steps, never set; see StateOf.
type Request struct {
	ID      string
	Action  Action
	Tenant  TenantID
	Profile string
	// AccountID is the managed account it is about.
	AccountID string
	// UserPrincipalName of that account when the request was accepted.
	UserPrincipalName string
	Ticket            Ticket
	Requester         string
	// SentBy is the person who sent the document, where another than the requester did.
	SentBy string `json:",omitempty"`
	Reason string
	// BusinessKey is system|account|ticket|action|revision|rerun: two triggers for
	// one ticket are one request.
	BusinessKey string
	CreatedAt   time.Time
	// Parked says why the request waits for a person; empty when it does not.
	Parked string
	// Question is what people are asked to agree to when the policy parked the request;
	// nil when a step did, or nobody did.
	Question *Question `json:",omitempty"`
	// Approvals are the words that people gave, also those that count no more.
	Approvals []Approval `json:",omitempty"`
	// ApprovedAt is when a parked request was let go on; zero until then.
	ApprovedAt time.Time
	// Cancelled says why the remaining steps are no-ops (offboarding wins).
	Cancelled string
	// Refused says why the request was not taken; such a request has no steps.
	Refused string
	// RefusedCode is the fault code that goes with Refused.
	RefusedCode string
	// Routine is what the schedule does over and over: its ticket hears of it only when
	// something is amiss.
	Routine bool `json:",omitempty"`
	// OnFailure is what to do when a step fails for good: compensate or park.
	OnFailure FailurePolicy
	// Undoes is the offboarding that a Restore takes back.
	Undoes string
	// Extends is what an Extend changes.
	Extends Extension `json:",omitzero"`
	// Reconnects is what an Onboard changes of a connection that stands; nil for all others.
	Reconnects *Reconnection `json:",omitempty"`
	Steps      []Step
	// Notices is the number of status events issued so far, Notified of those that
	// were delivered (or given up), in order.
	Notices, Notified int
	// Lost are the numbers of the status events that were given up.
	Lost []int `json:",omitempty"`
}

// FailurePolicy says what follows a step that failed for good.
type FailurePolicy string

const (
	// Compensate takes away what was given, by queue steps. The default.
	Compensate FailurePolicy = "compensate"
	// ParkOnFailure leaves everything as it is for a person.
	ParkOnFailure FailurePolicy = "park"
)

// Ticket is where the request came from and whom to tell.
type Ticket struct {
	System   string `json:"system"`
	Account  string `json:"account,omitempty"`
	ID       string `json:"id"`
	Key      string `json:"key,omitempty"`
	URL      string `json:"url,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// Step is one command of a request's plan and how far it has come.
type Step struct {
	// Name is unique in its request and free of '/', e.g. "create" or "grantrolegroup-1".
	Name string
	// Function is the function that does it, which is also its queue.
	Function string
	// Title is what people read: "Grant View-Only Organization Management".
	Title string
	// Args are the command's arguments (an events type), as JSON.
	Args json.RawMessage
	// Delay is how long after the step before it this one starts (grace). Zero is at once.
	Delay time.Duration
	// Compensates is true for a step added because an earlier one failed for good.
	Compensates bool

	State StepState
	// Attempt is the number of the latest delivery, from 1; it is part of the message id.
	Attempt int
	// Failures counts the attempts that failed; waits do not count.
	Failures  int
	FirstSeen time.Time
	// TouchedAt is when the runner last began or ended an attempt.
	TouchedAt time.Time
	// NextTry is when a waiting step runs again.
	NextTry    time.Time
	FinishedAt time.Time
	// FaultCode and Fault tell of the latest failure or wait.
	FaultCode string
	Fault     string
	// Detail is the handler's one line about what it did.
	Detail string
	// Checkpoint is where a step stands whose work goes on in its next attempt, in the
	// handler's own words; empty before there is one, and when the step is over.
	Checkpoint json.RawMessage `json:",omitempty"`
	// Continued counts how often the handler asked to be called again at once.
	Continued int `json:",omitempty"`
	// Told and Alarmed say that a long wait was reported to the ticket, and as an alarm.
	Told, Alarmed bool
}

// StepState is how far a step has come. It is written only by the runner, from what a handler read back.
type StepState string

const (
	// StepPending has not been tried.
	StepPending StepState = "pending"
	// StepRunning is being worked on, or was when the process died.
	StepRunning StepState = "running"
	// StepWaiting will be tried again at NextTry, because the world is not ready.
	StepWaiting StepState = "waiting"
	// StepRetrying will be tried again at NextTry, after a failure.
	StepRetrying StepState = "retrying"
	// StepDone was read back as done.
	StepDone StepState = "done"
	// StepFailed stopped for good.
	StepFailed StepState = "failed"
	// StepSkipped will not be done (an earlier step failed, or offboarding won).
	StepSkipped StepState = "skipped"
)

// Finished reports whether the step will not be tried again.
func (s StepState) Finished() bool {
	return s == StepDone || s == StepFailed || s == StepSkipped
}

// Waited is how long the step has been (or was) on its way since it was first tried.
func (s Step) Waited(now time.Time) time.Duration {
	if s.FirstSeen.IsZero() {
		return 0
	}
	if !s.FinishedAt.IsZero() {
		now = s.FinishedAt
	}
	return max(0, now.Sub(s.FirstSeen))
}

// State is where a request stands.
type State string

const (
	// Accepted is taken, nothing done yet.
	Accepted State = "accepted"
	// Parked waits for a person.
	Parked State = "parked"
	// Running is being worked on.
	Running State = "running"
	// Waits has a step that waits for the world (replication, grace).
	Waits State = "waiting"
	// Succeeded has every step read back.
	Succeeded State = "succeeded"
	// Undoing failed and is taking away what it gave.
	Undoing State = "compensating"
	// Failed stopped for good; nothing of it is left unless parked.
	Failed State = "failed"
	// Cancelled was overtaken by an offboarding.
	Cancelled State = "cancelled"
	// Refused was never taken.
	Refused State = "refused"
)

// Terminal reports whether nothing more will happen by itself.
func (s State) Terminal() bool {
	return s == Succeeded || s == Failed || s == Cancelled || s == Refused
}

// StateOf computes where a request stands from its steps.
func StateOf(r Request) State {
	if r.Refused != "" {
		return Refused
	}
	var done, failed, waiting, open, started int
	for _, s := range r.Steps {
		switch s.State {
		case StepDone:
			done++
		case StepFailed:
			failed++
		case StepSkipped:
		case StepWaiting:
			waiting++
			open++
		case StepPending:
			open++
		default:
			started++
			open++
		}
	}
	switch {
	case failed > 0 && open == 0:
		return Failed
	case r.Cancelled != "" && started == 0 && failed == 0:
		return Cancelled
	case r.AwaitsPerson(): // also when a step failed that the others go on without
		return Parked
	case failed > 0:
		return Undoing
	case open == 0:
		return Succeeded
	case waiting > 0:
		return Waits
	case done > 0 || started > 0:
		return Running
	default:
		return Accepted
	}
}

// Next gives the first step that is not finished, or nil.
func (r *Request) Next() *Step {
	for i := range r.Steps {
		if !r.Steps[i].State.Finished() {
			return &r.Steps[i]
		}
	}
	return nil
}

// Step finds a step by name, or nil.
func (r *Request) Step(name string) *Step {
	for i := range r.Steps {
		if r.Steps[i].Name == name {
			return &r.Steps[i]
		}
	}
	return nil
}

// Reference is the ticket as it goes back to its system.
func (t Ticket) Reference() map[string]any {
	ref := map[string]any{"system": t.System, "id": t.ID}
	for name, value := range map[string]string{"account": t.Account, "key": t.Key, "url": t.URL} {
		if value != "" {
			ref[name] = value
		}
	}
	return ref
}
