package account

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// TargetUsers is the kind of Grant that stands for the users of a connection: the
// assignments of the application, by application id. Whom it is, Account.Targets says.
const TargetUsers GrantKind = "target"

// MaxTargets is how many users a connection has at most, after groups are resolved,
// unless its profile says otherwise.
const MaxTargets = 100

// NoAppRole is the app role of an assignment to an application that has no roles of its
// own for users (reference: Microsoft Graph, appRoleAssignment).
const NoAppRole = "00000000-0000-0000-0000-000000000000"

// TargetMode says whose data a connection is for.
type TargetMode string

const (
	// TargetsAll is every user of the tenant.
	TargetsAll TargetMode = "all"
	// TargetsChosen is the users and groups that were named.
	TargetsChosen TargetMode = "selected"
)

// Targets are the users of a connection: what was chosen, and what follows from it. The
// same choice holds for every service that the application is for. Zero means that
// nobody has chosen, and the tenant's own setting stands.
type Targets struct {
	Mode TargetMode `json:"mode,omitempty"`
	// Users and Groups are the choice, empty when the mode is all.
	Users  []TargetUser `json:"users,omitempty"`
	Groups []Group      `json:"groups,omitempty"`
	// Primary is the user whom the vendor's product works as, or asks first; zero is nobody.
	Primary TargetUser `json:"primary,omitzero"`
	// Max is how many users there may be. Zero means MaxTargets.
	Max int `json:"max,omitempty"`
	// Members are the users that the choice comes to, and those still to be taken away.
	Members []TargetMember `json:"members,omitempty"`
	// Before is whether the tenant let assigned users in only, before we changed that. Nil: not changed.
	Before *bool `json:"before,omitempty"`
	// PerUser are consents of single users for the same application, as last seen: what
	// they gave before one connection served them all.
	PerUser []PerUserGrant `json:"perUser,omitempty"`
	// SyncedAt is when groups were last resolved and assignments read back.
	SyncedAt time.Time `json:"syncedAt,omitzero"`
}

// TargetUser is a user of a connection. The names are Entra's of when they were looked up.
type TargetUser struct {
	ObjectID          string `json:"objectId"`
	UserPrincipalName string `json:"userPrincipalName"`
	DisplayName       string `json:"displayName,omitempty"`
}

// Group is a group of the tenant.
type Group struct {
	ObjectID    string `json:"objectId"`
	DisplayName string `json:"displayName"`
}

// TargetMember is a user that a connection is for, and how far their assignment has come.
type TargetMember struct {
	TargetUser
	State GrantState `json:"state"`
	// Ours is false for an assignment that was there before: it is never taken away.
	Ours         bool   `json:"ours"`
	AssignmentID string `json:"assignmentId,omitempty"`
}

// PerUserGrant is what one user consented to for an application.
type PerUserGrant struct {
	TargetUser
	// GrantID is Entra's id of the delegated grant.
	GrantID string   `json:"grantId"`
	Scopes  []string `json:"scopes"`
}

// Assignment is a user, group or application assigned to an application, as Entra shows it.
type Assignment struct {
	ID, PrincipalID, PrincipalName string
	// PrincipalType is User, Group or ServicePrincipal.
	PrincipalType string
	RoleID        string
}

// Limit is how many users there may be.
func (t Targets) Limit() int {
	if t.Max == 0 {
		return MaxTargets
	}
	return t.Max
}

// Current counts the members that are to stay.
func (t Targets) Current() int {
	n := 0
	for _, m := range t.Members {
		if m.State != GrantLeaving {
			n++
		}
	}
	return n
}

// With gives the choice with more users and groups, each once.
func (t Targets) With(users []TargetUser, groups []Group) Targets {
	t.Users, t.Groups = slices.Clone(t.Users), slices.Clone(t.Groups)
	for _, u := range users {
		if !slices.ContainsFunc(t.Users, func(h TargetUser) bool { return h.ObjectID == u.ObjectID }) {
			t.Users = append(t.Users, u)
		}
	}
	for _, g := range groups {
		if !slices.ContainsFunc(t.Groups, func(h Group) bool { return h.ObjectID == g.ObjectID }) {
			t.Groups = append(t.Groups, g)
		}
	}
	return t
}

// Without gives the choice without the users (by user principal name or object id) and
// groups (by display name or object id). An error names what was not chosen, or says
// that nobody would be left.
func (t Targets) Without(users, groups []string) (Targets, error) {
	if t.Mode != TargetsChosen {
		return t, fmt.Errorf("no user or group was chosen, so there is none to remove")
	}
	had := t
	t.Users, t.Groups = slices.Clone(t.Users), slices.Clone(t.Groups)
	for _, name := range users {
		n := len(t.Users)
		t.Users = slices.DeleteFunc(t.Users, func(u TargetUser) bool { return is(name, u.UserPrincipalName, u.ObjectID) })
		if len(t.Users) == n {
			return had, fmt.Errorf("the user %q was not chosen; chosen are %s", name, had.Chosen())
		}
	}
	for _, name := range groups {
		n := len(t.Groups)
		t.Groups = slices.DeleteFunc(t.Groups, func(g Group) bool { return is(name, g.DisplayName, g.ObjectID) })
		if len(t.Groups) == n {
			return had, fmt.Errorf("the group %q was not chosen; chosen are %s", name, had.Chosen())
		}
	}
	if len(t.Users)+len(t.Groups) == 0 {
		return had, fmt.Errorf("nobody would be left: extend the connection to all users, or revoke it")
	}
	return t, nil
}

func is(name string, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// Chosen says in words whom the connection is for.
func (t Targets) Chosen() string {
	switch t.Mode {
	case "":
		return "everybody whom the tenant lets in"
	case TargetsAll:
		return "every user"
	}
	var words []string
	for _, u := range t.Users {
		words = append(words, u.UserPrincipalName)
	}
	for _, g := range t.Groups {
		words = append(words, "group "+g.DisplayName)
	}
	return strings.Join(words, ", ")
}
