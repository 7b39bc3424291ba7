package events

// What assigntargets can be told to do with the users of a connection.
const (
	// TargetsSet replaces the choice, or makes the first one.
	TargetsSet = "set"
	// TargetsAdd and TargetsRemove change it.
	TargetsAdd    = "add"
	TargetsRemove = "remove"
	// TargetsAll opens the connection to every user.
	TargetsAll = "all"
	// TargetsSync resolves the groups anew, and puts right what was changed by hand.
	TargetsSync = "sync"
)

// AssignTargetsArgs are the arguments of assigntargets.
type AssignTargetsArgs struct {
	// Change is set, add, remove, all or sync.
	Change string `json:"change"`
	// Users are exact user principal names, Groups display names or object ids.
	Users  []string `json:"users,omitempty"`
	Groups []string `json:"groups,omitempty"`
	// Primary is the user principal name of the primary user; empty leaves it as it is.
	Primary string `json:"primary,omitempty"`
	// RemovePerUser withdraws what single users consented to for the same application.
	RemovePerUser bool `json:"removePerUser,omitempty"`
	// Force takes users away although a sync found that many are gone at once.
	Force bool `json:"force,omitempty"`
}

// RevokeTargets is the part of a revocation that takes our assignments of users from an
// application; it comes before the application itself.
const RevokeTargets RevokePart = "target"
