package account

import (
	"strconv"
	"time"
)

// DeliveryMethod is a way to hand a password over.
type DeliveryMethod string

const (
	// DeliverToVault leaves the password in the vault and tells the ticket where it lies.
	DeliverToVault DeliveryMethod = "vault"
	// DeliverByAge seals the password to public keys and puts the sealed text into the ticket.
	DeliverByAge DeliveryMethod = "age"
	// DeliverByLink puts the address of a one-time page into the ticket.
	DeliverByLink DeliveryMethod = "link"
)

// Delivery says how an account's password is handed over.
type Delivery struct {
	// Method is one of the above; empty means the vault.
	Method DeliveryMethod `json:"method,omitempty"`
	// Recipients are the public keys, of age or SSH, that the password is sealed to.
	Recipients []string `json:"recipients,omitempty"`
	// Keep leaves a copy in the vault when the password was handed over.
	Keep bool `json:"keep,omitempty"`
}

// Leaves reports whether the password leaves the vault, which takes a step of the plan.
func (d Delivery) Leaves() bool { return d.Method == DeliverByAge || d.Method == DeliverByLink }

// Password is how an account's password stands; never what it is.
type Password struct {
	// SetAt is when it was set last, zero while it was not.
	SetAt time.Time `json:"setAt,omitzero"`
	// SetBy is the request that set it last.
	SetBy string `json:"setBy,omitempty"`
	// RotateDays is after how many days it is set anew. Zero means never.
	RotateDays int `json:"rotateDays,omitempty"`
	// NextRef is where the next one lies sealed while a rotation is under way, or after
	// one that failed: perhaps it is set, perhaps not.
	NextRef string `json:"nextRef,omitempty"`
	// Handovers counts the hand-overs that were begun. Each has a key of its own.
	Handovers int `json:"handovers,omitempty"`
	// LinkUntil is when the one-time link of the last hand-over ends; zero when none is open.
	LinkUntil time.Time `json:"linkUntil,omitzero"`
	// ExposedAt is when it came out that somebody may have seen the password whom it was
	// not for, and it has to be set anew; zero when it has not.
	ExposedAt time.Time `json:"exposedAt,omitzero"`
}

// Due reports whether it is time to set the password anew.
func (p Password) Due(now time.Time) bool {
	return p.RotateDays > 0 && !p.SetAt.IsZero() && !now.Before(p.SetAt.AddDate(0, 0, p.RotateDays))
}

// HandoverKey names the account's hand-over of the given number, from 1.
func (a Account) HandoverKey(number int) string { return a.ID + "-" + strconv.Itoa(number) }
