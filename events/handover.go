package events

// HandOverPart is one part of setting a password and handing it over.
type HandOverPart string

const (
	// HandOverDeliver hands the password over as the arguments say.
	HandOverDeliver HandOverPart = "deliver"
	// HandOverReset sets a new password.
	HandOverReset HandOverPart = "reset"
	// HandOverWithdraw stops an open link.
	HandOverWithdraw HandOverPart = "withdraw"
	// HandOverDiscard throws the sealed password away.
	HandOverDiscard HandOverPart = "discard"
)

// StepHandOver is the name of the step that hands a password over.
const StepHandOver = "handover"

// HandOverArgs are the arguments of handover.
type HandOverArgs struct {
	Part HandOverPart `json:"part"`
	// Method, Recipients and Keep say how to deliver; see account.Delivery.
	Method     string   `json:"method,omitempty"`
	Recipients []string `json:"recipients,omitempty"`
	Keep       bool     `json:"keep,omitempty"`
	// Early is a reset that is tried while the account holds its roles. Where Entra
	// refuses that, it is done all the same, and a later step resets.
	Early bool `json:"early,omitempty"`
}
