package console

import (
	"encoding/json"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/policy"
)

// Request is a request as the API shows it; its state is computed from its steps.
type Request struct {
	ID     string         `json:"id"`
	Action account.Action `json:"action"`
	State  account.State  `json:"state"`
	// Over is true when nothing more will happen by itself.
	Over              bool             `json:"over"`
	Tenant            string           `json:"tenant"`
	TenantID          account.TenantID `json:"tenantId"`
	Profile           string           `json:"profile,omitempty"`
	AccountID         string           `json:"accountId,omitempty"`
	UserPrincipalName string           `json:"userPrincipalName,omitempty"`
	Ticket            account.Ticket   `json:"ticket,omitzero"`
	Requester         string           `json:"requester,omitempty"`
	Reason            string           `json:"reason,omitempty"`
	CreatedAt         time.Time        `json:"createdAt"`
	Parked            string           `json:"parked,omitempty"`
	// Approvals are the words people gave, also those that count no more.
	Approvals  []account.Approval `json:"approvals,omitempty"`
	ApprovedAt time.Time          `json:"approvedAt,omitzero"`
	// Pending is what a parked request needs from people; nil for every other.
	Pending   *Pending `json:"pending,omitempty"`
	Cancelled string   `json:"cancelled,omitempty"`
	Undoes    string   `json:"undoes,omitempty"`
	// Fault explains a refusal or a failure: its code, its text, and what to do next.
	Fault *Problem `json:"fault,omitempty"`
	Steps []Step   `json:"steps"`
	// Timeline is what happened, oldest first; only in the answer about one request.
	Timeline []ledger.Entry `json:"timeline,omitempty"`
}

// Step is one step of a request.
type Step struct {
	Name        string            `json:"name"`
	Function    string            `json:"function"`
	Title       string            `json:"title"`
	State       account.StepState `json:"state"`
	Compensates bool              `json:"compensates,omitempty"`
	// Attempts counts the tries, Failures those that failed; a wait is no failure.
	Attempts int `json:"attempts"`
	Failures int `json:"failures"`
	// WaitedSeconds is the time since the step was first tried (until it was
	// finished), Waited the same for people.
	WaitedSeconds float64   `json:"waitedSeconds"`
	Waited        string    `json:"waited,omitempty"`
	NextTry       time.Time `json:"nextTry,omitzero"`
	FaultCode     string    `json:"faultCode,omitempty"`
	Fault         string    `json:"fault,omitempty"`
	Remedy        string    `json:"remedy,omitempty"`
	Detail        string    `json:"detail,omitempty"`
	StartedAt     time.Time `json:"startedAt,omitzero"`
	FinishedAt    time.Time `json:"finishedAt,omitzero"`
}

// Account is a managed account as the API shows it. SecretRef says where its
// password lies sealed; the password itself is nowhere in the API.
type Account struct {
	ID                string           `json:"id"`
	Tenant            string           `json:"tenant"`
	TenantID          account.TenantID `json:"tenantId"`
	UserPrincipalName string           `json:"userPrincipalName"`
	ObjectID          string           `json:"objectId,omitempty"`
	// AppID is the application that signs in where no user does.
	AppID     string               `json:"appId,omitempty"`
	State     account.AccountState `json:"state"`
	Origin    account.Origin       `json:"origin"`
	Profile   string               `json:"profile,omitempty"`
	RequestID string               `json:"requestId"`
	Owner     account.Owner        `json:"owner,omitzero"`
	ExpiresAt time.Time            `json:"expiresAt,omitzero"`
	// Hold is what keeps it from being taken away: what a person said, or the federated
	// domains that depend on it.
	Hold account.Hold `json:"hold,omitzero"`
	// Fitness is what the latest check found.
	Fitness   account.Fitness `json:"fitness,omitzero"`
	Grants    []account.Grant `json:"grants"`
	SecretRef string          `json:"secretRef,omitempty"`
	CreatedAt time.Time       `json:"createdAt"`
	RevokedAt time.Time       `json:"revokedAt,omitzero"`
}

// DeadLetter is a message that was put aside for a person.
type DeadLetter struct {
	ID         string    `json:"id"`
	Queue      string    `json:"queue"`
	RequestID  string    `json:"requestId,omitempty"`
	Reason     string    `json:"reason"`
	Text       string    `json:"text,omitempty"`
	Remedy     string    `json:"remedy,omitempty"`
	Deliveries int       `json:"deliveries"`
	EnqueuedAt time.Time `json:"enqueuedAt"`
	DeadAt     time.Time `json:"deadAt"`
	// Body is the command; only in the answer about one dead letter.
	Body json.RawMessage `json:"body,omitempty"`
}

// Chain is one tenant's audit chain as verified.
type Chain struct {
	Tenant   string           `json:"tenant"`
	TenantID account.TenantID `json:"tenantId"`
	Entries  int64            `json:"entries"`
	// Head is the hash of the last entry; noted elsewhere, it proves later that nothing was rewritten.
	Head string `json:"head,omitempty"`
	// Broken says where and how the chain stops being true; empty when it is whole.
	Broken string `json:"broken,omitempty"`
}

// Check is one thing the doctor looked at in one tenant.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Code is the fault code of a call that failed.
	Code fault.Code `json:"code,omitempty"`
	// Detail is what was found, or why it is missing.
	Detail string `json:"detail,omitempty"`
	// Remedy is how to grant or repair it; empty when nothing is missing.
	Remedy string `json:"remedy,omitempty"`
}

// Report is what the doctor found in one tenant.
type Report struct {
	Tenant   string           `json:"tenant"`
	TenantID account.TenantID `json:"tenantId"`
	OK       bool             `json:"ok"`
	Checks   []Check          `json:"checks"`
}

// Approval is the body of an approve.
type Approval struct {
	// By is an approver's id or mail address. It may be left out with an approver's own
	// token, and must be that person otherwise.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Digest is the one that the approver was shown (Pending.Digest); empty approves the
	// request as it stands.
	Digest string `json:"digest,omitempty"`
	// Via is cli for the command line; empty is console.
	Via string `json:"via,omitempty"`
}

// Pending is what a parked request needs from people.
type Pending struct {
	// Digest is of what they are asked to agree to.
	Digest string `json:"digest"`
	// Why says what stands in the way, and Reasons which rights ask for it.
	Why     string          `json:"why"`
	Reasons []policy.Reason `json:"reasons,omitempty"`
	// Missing is how many more people must agree, and MayApprove who they can be.
	Missing    int             `json:"missing"`
	MayApprove []policy.Person `json:"mayApprove"`
	// WithToken are the ids of those among them who approve with a token of their own.
	WithToken []string `json:"withToken,omitempty"`
	// Counted are the approvals that count, the first of which lapses at Until.
	Counted []account.Approval `json:"counted,omitempty"`
	Until   time.Time          `json:"until,omitzero"`
	// Void are approvals that do not count, and why.
	Void []policy.Void `json:"void,omitempty"`
	// Narrower are rights that may do instead.
	Narrower []policy.Suggestion `json:"narrower,omitempty"`
}

// Revocation is the body of a revoke.
type Revocation struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	// Force overrides a hold.
	Force bool `json:"force,omitempty"`
	// Mode is delete (also when empty) or disable.
	Mode string `json:"mode,omitempty"`
	// GraceDays is the time between disabling and deleting. Zero deletes at once.
	GraceDays int `json:"graceDays,omitempty"`
}

// Undo is the body of an undo.
type Undo struct {
	By string `json:"by"`
}

// SyncOrder is the body of a sync.
type SyncOrder struct {
	// Tenant is an alias or id; empty means every tenant.
	Tenant string `json:"tenant,omitempty"`
	By     string `json:"by"`
}
