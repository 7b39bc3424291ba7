package entra

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const (
	readsGroups = "GroupMember.Read.All"
	// mostCandidates is how many groups of similar names are listed.
	mostCandidates = "20"
)

// Assignments lists who is assigned to an application, by the object id of its service
// principal: users, groups, and applications that hold its permissions. The list may lag
// behind what was assigned and removed.
func (c *Client) Assignments(ctx context.Context, t account.TenantID, principal string) ([]account.Assignment, error) {
	call := call{doing: "list who is assigned to service principal " + principal, objects: []string{principal}, permission: readsApps, missing: fault.IdentityNotFound}
	return collect(pages(ctx, c, t, call, grantsPath(principal), wireAssigned.assignment))
}

// Assign assigns a user to an application with one of its roles for users, or
// account.NoAppRole. One who is assigned already is no error: the key of an assignment
// is these three ids. It does not read back. UserNotReadable (waiting) says that the user
// or the application is not known there yet.
func (c *Client) Assign(ctx context.Context, t account.TenantID, principal, user, role string) error {
	call := call{
		doing: "assign user " + user + " to service principal " + principal, objects: []string{principal, user, role},
		permission: changesGrant, missing: fault.UserNotReadable, conflict: fault.RoleConflict,
	}
	return c.giveAppRole(ctx, t, call, user, principal, role)
}

// Unassign takes an assignment away, by its id. One that is gone already is no error.
func (c *Client) Unassign(ctx context.Context, t account.TenantID, principal, assignment string) error {
	return c.WithdrawPermission(ctx, t, Grant{ID: assignment, ResourceID: principal})
}

// RequireAssignment sets whether only those who are assigned may use an application, by
// the object id of its service principal (reference: Microsoft Graph, servicePrincipal,
// appRoleAssignmentRequired). It does not read back.
func (c *Client) RequireAssignment(ctx context.Context, t account.TenantID, principal string, required bool) error {
	call := call{doing: "set who may use service principal " + principal, objects: []string{principal}, permission: changesApps, missing: fault.IdentityNotFound}
	return c.run(ctx, t, call, func(s *session) error {
		return s.write(ctx, http.MethodPatch, "/servicePrincipals/"+url.PathEscape(principal), map[string]bool{"appRoleAssignmentRequired": required})
	})
}

var objectID = regexp.MustCompile("^" + guid + "$")

// GroupsNamed lists the groups of exactly this display name, in upper or lower case, or
// of this object id; there may be several of a name.
func (c *Client) GroupsNamed(ctx context.Context, t account.TenantID, name string) ([]account.Group, error) {
	call := call{doing: "look for the group " + name, objects: []string{name}, permission: readsGroups}
	field := "displayName"
	if objectID.MatchString(name) {
		field = "id"
	}
	filter := field + " eq '" + strings.ReplaceAll(name, "'", "''") + "'"
	return collect(pages(ctx, c, t, call, "/groups?$select=id,displayName&$filter="+queryEscape(filter), wireGroup.group))
}

// GroupsBeginning lists groups whose display name begins with the text, at most 20 of them.
func (c *Client) GroupsBeginning(ctx context.Context, t account.TenantID, text string) ([]account.Group, error) {
	call := call{doing: "look for groups that begin with " + text, objects: []string{text}, permission: readsGroups}
	filter := "startswith(displayName,'" + strings.ReplaceAll(text, "'", "''") + "')"
	found, _, err := readPage(ctx, c, t, call, "/groups?$select=id,displayName&$top="+mostCandidates+"&$filter="+queryEscape(filter), "", wireGroup.group)
	return found, err
}

// MembersOf lists the users in a group, by its object id, those in groups within it too.
// Devices, contacts and applications among them are left out. GroupNotFound (permanent)
// says that there is no such group.
func (c *Client) MembersOf(ctx context.Context, t account.TenantID, group string) (users []account.TargetUser, err error) {
	call := call{doing: "list the members of group " + group, objects: []string{group}, permission: readsGroups, missing: fault.GroupNotFound}
	path := "/groups/" + url.PathEscape(group) + "/transitiveMembers?$select=id,userPrincipalName,displayName"
	for m, err := range pages(ctx, c, t, call, path, func(m wireMember) wireMember { return m }) {
		if err != nil {
			return nil, err
		}
		if m.Type == "#microsoft.graph.user" {
			users = append(users, account.TargetUser{ObjectID: m.ID, UserPrincipalName: m.UserPrincipalName, DisplayName: m.DisplayName})
		}
	}
	return users, nil
}

type wireAssigned struct {
	ID            string
	AppRoleID     string `json:"appRoleId"`
	PrincipalID   string `json:"principalId"`
	PrincipalName string `json:"principalDisplayName"`
	PrincipalType string
}

func (w wireAssigned) key() string { return w.ID }

func (w wireAssigned) assignment() account.Assignment {
	return account.Assignment{ID: w.ID, PrincipalID: w.PrincipalID, PrincipalName: w.PrincipalName, PrincipalType: w.PrincipalType, RoleID: w.AppRoleID}
}

type wireGroup struct{ ID, DisplayName string }

func (w wireGroup) key() string { return w.ID }
func (w wireGroup) group() account.Group {
	return account.Group{ObjectID: w.ID, DisplayName: w.DisplayName}
}

type wireMember struct {
	ID                string
	Type              string `json:"@odata.type"`
	UserPrincipalName string
	DisplayName       string
}

func (w wireMember) key() string { return w.ID }
