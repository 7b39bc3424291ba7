package account

import "time"

// Life are the dates of an account's life beside its end, and what is remembered of it
// from one night to the next. Zero times mean that there is no such date.
type Life struct {
	// StartsAt is when the account was to be made; zero for at once.
	StartsAt time.Time `json:"startsAt,omitzero"`
	// ReviewAt is when the owner is asked whether the account is still needed.
	ReviewAt time.Time `json:"reviewAt,omitzero"`
	// GraceDays is how long an expired account stays disabled before it is deleted. Zero
	// deletes it at once.
	GraceDays int `json:"graceDays,omitempty"`
	// Told are the notices that went out.
	Told []LifeNotice `json:"told,omitempty"`
	// Owner is the address that OwnerSeen and OwnerGone are about: they are forgotten
	// when the account gets another owner.
	Owner string `json:"owner,omitempty"`
	// OwnerSeen says that the owner was found in the tenant once. A team's mailbox or a
	// person outside is never found, and does not count as gone.
	OwnerSeen bool `json:"ownerSeen,omitempty"`
	// OwnerGone is when the owner was first found gone; zero while they are there.
	OwnerGone time.Time `json:"ownerGone,omitzero"`
}

// LifeNotice is a notice that went out. For is the date it was about, so that another date
// gets notices of its own.
type LifeNotice struct {
	Notice LifeNoticeKind `json:"notice"`
	For    time.Time      `json:"for"`
}

// LifeNoticeKind is what somebody is told about an account's life, once for each date; it
// is an event kind of the audit log too. Package lifetime has them all.
type LifeNoticeKind string

// Extension is what somebody wants to change about an account's life. A zero field
// leaves that date as it is.
type Extension struct {
	// Until is the new end.
	Until time.Time `json:"until,omitzero"`
	// Forever takes the end away.
	Forever bool `json:"forever,omitempty"`
	// Review is the date of the next review; giving it says that this one is done.
	Review time.Time `json:"review,omitzero"`
}
