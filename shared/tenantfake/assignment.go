package tenantfake

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// RoleAssignment is a directory role given to a principal.
type RoleAssignment struct {
	ID, RoleDefinitionID, PrincipalID, DirectoryScopeID string
	// RoleName is the display name of the role.
	RoleName string
	// Ends is when a time-bound assignment ends; zero means never.
	Ends time.Time
}

type assignmentRecord struct {
	record[RoleAssignment]
}

// assignmentID is opaque to clients; as in Entra the same role given again to the same principal gets the same id.
func assignmentID(roleID, principalID, scope string) string {
	role, principal := uuid.MustParse(roleID), uuid.MustParse(principalID)
	raw := append(append([]byte{}, role[:]...), principal[:]...)
	if scope == "/" {
		return base64.RawURLEncoding.EncodeToString(raw) + "-1"
	}
	h := fnv.New64a()
	h.Write([]byte(scope)) // hash.Hash never fails
	return base64.RawURLEncoding.EncodeToString(h.Sum(raw)) + "-1"
}

// assign gives a role that the principal does not have. Role and principal must exist.
func (t *Tenant) assign(at time.Time, principalID, role, scope string) *assignmentRecord {
	def := t.mustRole(role)
	id := assignmentID(def.ID, principalID, scope)
	rec := t.roleByID[id]
	if rec == nil {
		rec = &assignmentRecord{}
		t.roles = append(t.roles, rec)
		t.roleByID[id] = rec
	}
	rec.set(at, &RoleAssignment{ID: id, RoleDefinitionID: def.ID, PrincipalID: principalID, DirectoryScopeID: scope, RoleName: def.Name})
	return rec
}

// assignment returns the assignment as it truly is, or nil.
func (t *Tenant) assignment(principalID, roleID, scope string) *assignmentRecord {
	rec := t.roleByID[assignmentID(roleID, principalID, scope)]
	if rec == nil || rec.current() == nil {
		return nil
	}
	return rec
}

func (t *Tenant) endAssignments(now time.Time) {
	for _, rec := range t.roles {
		if a := rec.current(); a != nil && !a.Ends.IsZero() && !a.Ends.After(now) {
			rec.set(now, nil)
		}
	}
}

// endAssignmentsOf takes every directory role from a principal.
func (t *Tenant) endAssignmentsOf(now time.Time, principalID string) {
	for _, rec := range t.roles {
		if a := rec.current(); a != nil && a.PrincipalID == principalID {
			rec.set(now, nil)
		}
	}
}

// rolesOf returns the roles that the service believes a principal has, when it decides about a sensitive action.
func (t *Tenant) rolesOf(now time.Time, principalID string) []*roleDef {
	var out []*roleDef
	for _, rec := range t.roles {
		if a := rec.seen(now, ReadPrivilege, t.consistency[ReadPrivilege], false); a != nil && a.PrincipalID == principalID {
			out = append(out, roleNamed(a.RoleDefinitionID))
		}
	}
	return out
}

// RoleAssignments returns the directory role assignments as they truly are, of users and service principals.
func (t *Tenant) RoleAssignments() []RoleAssignment {
	t.lock()
	defer t.mu.Unlock()
	var out []RoleAssignment
	for _, rec := range t.roles {
		if a := rec.current(); a != nil {
			out = append(out, *a)
		}
	}
	return out
}

// RolesOf returns the display names of the directory roles that a user (id or user principal name) truly has.
func (t *Tenant) RolesOf(idOrUPN string) []string {
	u, ok := t.User(idOrUPN)
	if !ok {
		return nil
	}
	var out []string
	for _, a := range t.RoleAssignments() {
		if a.PrincipalID == u.ID {
			out = append(out, a.RoleName)
		}
	}
	return out
}

// principalType is what an id stands for: "#microsoft.graph.user", "#microsoft.graph.servicePrincipal" or nothing.
func (t *Tenant) principalType(id string) string {
	if rec := t.byID[strings.ToLower(id)]; rec != nil && live(rec.current()) != nil {
		return "#microsoft.graph.user"
	}
	if t.appByObject(id) != nil {
		return "#microsoft.graph.servicePrincipal"
	}
	return ""
}

// validScope reports whether a directory scope has one of the documented forms.
func validScope(scope string) error {
	if scope == "/" {
		return nil
	}
	id := strings.TrimPrefix(strings.TrimPrefix(scope, "/"), "administrativeUnits/")
	if err := uuid.Validate(id); err != nil {
		return fmt.Errorf("directory scope %q: %w", scope, err)
	}
	return nil
}
