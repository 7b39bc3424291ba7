package events

import "time"

// StatusKind says what a status event tells.
type StatusKind string

// The kinds of status. Alarm and Drift are for the operator, the others for the ticket.
const (
	StatusAccepted  StatusKind = "accepted"
	StatusWaiting   StatusKind = "waiting"
	StatusSucceeded StatusKind = "succeeded"
	StatusFailed    StatusKind = "failed"
	StatusRefused   StatusKind = "refused"
	StatusParked    StatusKind = "parked"
	// StatusHandover brings the password: sealed, or behind a link.
	StatusHandover StatusKind = "handover"
	// StatusConsent brings the link on which an administrator consents.
	StatusConsent StatusKind = "consent"
	// StatusAlarm is raised when a wait has become unusual (2 h for Exchange).
	StatusAlarm StatusKind = "alarm"
	// StatusNotice tells something that belongs to no open request: an account that is
	// about to expire, an owner who is gone. See Notice.
	StatusNotice StatusKind = "notice"
)

// Status is what goes back to the ticketing system: the body of a call-back,
// signed as Standard Webhooks. Its type is usher.request.<kind>.
type Status struct {
	Type      string     `json:"type"`
	Timestamp time.Time  `json:"timestamp"`
	Data      StatusData `json:"data"`
}

// StatusData says how a request stands. That of a notice has no action and no steps.
type StatusData struct {
	// RequestID is the notice's id for a notice.
	RequestID string `json:"requestId"`
	// Sequence counts the statuses of one request, from 1; they arrive in this order.
	Sequence int           `json:"sequence"`
	Status   StatusKind    `json:"status"`
	Action   string        `json:"action,omitempty"`
	Tenant   string        `json:"tenant"`
	Account  StatusAccount `json:"account"`
	Steps    []StatusStep  `json:"steps,omitempty"`
	// Fitness is what would keep the account from its job, worst first.
	Fitness    []StatusFinding    `json:"fitness,omitempty"`
	Credential *StatusSecret      `json:"credential,omitempty"`
	Consent    *StatusConsentLink `json:"consent,omitempty"`
	FaultCode  string             `json:"faultCode,omitempty"`
	Reason     string             `json:"reason,omitempty"`
	NextAction string             `json:"nextAction,omitempty"`
	Ticket     map[string]any     `json:"ticket,omitempty"`
	Notice     *Notice            `json:"notice,omitempty"`
}

// StatusAccount names the account.
type StatusAccount struct {
	UserPrincipalName string `json:"userPrincipalName,omitempty"`
	ObjectID          string `json:"objectId,omitempty"`
}

// StatusStep says how one step stands.
type StatusStep struct {
	Name          string `json:"name"`
	Status        string `json:"status"`
	Attempts      int    `json:"attempts"`
	WaitedSeconds int    `json:"waitedSeconds,omitempty"`
}

// StatusSecret says how to come by the password; never what it is.
type StatusSecret struct {
	// Method is vault, age or link.
	Method string `json:"method"`
	// VaultReference is where the sealed password lies.
	VaultReference string `json:"vaultReference,omitempty"`
	// Sealed is the password sealed to the keys that SealedTo names: an armored age file.
	Sealed   string   `json:"sealed,omitempty"`
	SealedTo []string `json:"sealedTo,omitempty"`
	// Link shows the password once, until ExpiresAt. Whoever has it can take the
	// password, so it is made when the status leaves and is in no queue or ledger.
	Link      string    `json:"link,omitempty"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// HowTo tells the recipient what to do with it.
	HowTo string `json:"howTo,omitempty"`
	// Handover is the key of the hand-over that a link is made for.
	Handover string `json:"handover,omitempty"`
}

// StatusConsentLink asks for an administrator's consent.
type StatusConsentLink struct {
	// Step is the name of the step that waits for it.
	Step string `json:"step"`
	// Application is what people call the application, AppID its application (client) id.
	Application string `json:"application"`
	AppID       string `json:"appId"`
	// Permissions are those that the request needs. Microsoft's page asks for all that the
	// application's registration lists, which may be more.
	Permissions []string `json:"permissions"`
	// URL is Microsoft's page. It works once, until ExpiresAt. It is made when the status
	// leaves, and is in no queue or ledger.
	URL       string    `json:"url,omitempty"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// HowTo tells the administrator what to do with it.
	HowTo string `json:"howTo,omitempty"`
}

// StatusTypeOf gives the type of a status event: usher.request.<kind>.
func StatusTypeOf(kind StatusKind) string { return "usher.request." + string(kind) }
