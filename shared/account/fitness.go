package account

import "time"

// Exclusion is an exception from a Conditional Access policy, by the policy's id.
const Exclusion GrantKind = "exclusion"

// EveryPolicy is the target of an Exclusion that is asked for, before it is known which
// policies catch the account. It is never given itself.
const EveryPolicy = "*"

// Fitness is what was found about whether an account can sign in and do its job.
type Fitness struct {
	// CheckedAt is zero for an account that was never looked at.
	CheckedAt time.Time `json:"checkedAt,omitzero"`
	// Findings are the worst first.
	Findings []Finding `json:"findings,omitempty"`
}

// Finding is one thing that an administrator should know about an account.
type Finding struct {
	// Code names the kind, such as security-defaults.
	Code string `json:"code"`
	// Severity is blocking, warning or note.
	Severity string `json:"severity"`
	// Policy is the id of the Conditional Access policy; empty for other kinds.
	Policy string `json:"policy,omitempty"`
	Text   string `json:"text"`
	// Remedy says what to do about it.
	Remedy string `json:"remedy,omitempty"`
}
