package tenantfake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// roleGroup is an Exchange role group. Members are object ids of users and service principals.
type roleGroup struct {
	Name, GUID string
	Members    []string
}

func (g *roleGroup) remove(id string) bool {
	i := slices.Index(g.Members, id)
	if i >= 0 {
		g.Members = slices.Delete(g.Members, i, i+1)
	}
	return i >= 0
}

func (t *Tenant) roleGroup(nameOrGUID string) *roleGroup {
	for _, g := range t.groups {
		if strings.EqualFold(g.Name, nameOrGUID) || g.GUID == nameOrGUID {
			return g
		}
	}
	return nil
}

// RoleGroupNames returns the names of the Exchange role groups.
func (t *Tenant) RoleGroupNames() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, g := range t.groups {
		out = append(out, g.Name)
	}
	return out
}

// RoleGroupMembers returns the object ids of a role group's members as they truly are; nil if there is no such group.
func (t *Tenant) RoleGroupMembers(name string) []string {
	t.lock()
	defer t.mu.Unlock()
	g := t.roleGroup(name)
	if g == nil {
		return nil
	}
	return append([]string{}, g.Members...)
}

// forgetInExchange takes users whose deletion has reached Exchange out of the role groups.
func (t *Tenant) forgetInExchange(now time.Time) {
	for _, g := range t.groups {
		g.Members = slices.DeleteFunc(g.Members, func(id string) bool {
			rec := t.byID[id]
			return t.appByObject(id) == nil && (rec == nil || !rec.gone.IsZero() && !rec.gone.After(now))
		})
	}
}

func (g *roleGroup) row() map[string]any {
	return map[string]any{"Name": g.Name, "Identity": g.Name, "Guid": g.GUID, "Guid@odata.type": "#Guid", "Description": "Built-in role group " + g.Name + ".",
		"Members": listOr(g.Members), "Roles": []any{}, "ManagedBy": []any{"Organization Management"}, "RoleGroupType": "Standard"}
}

func (c *exchangeCall) getRoleGroup() ([]map[string]any, *response) {
	identity, _ := c.param("Identity")
	if g := c.t.roleGroup(identity); g != nil {
		return []map[string]any{g.row()}, nil
	}
	if identity != "" && !c.t.exchange.UnknownIdentityReturnsAll {
		return nil, c.identityNotFound(identity)
	}
	keep, resp := c.filter()
	if resp != nil {
		return nil, resp
	}
	rows := []map[string]any{}
	for _, g := range c.t.groups {
		row := g.row()
		if keep == nil || keep.matches(func(name string) any { return folded(row, name) }) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// getRoleGroupMember lists one group; with an empty Identity, the members of all.
func (c *exchangeCall) getRoleGroupMember() ([]map[string]any, *response) {
	identity, ok := c.param("Identity")
	if !ok {
		return nil, c.badParameter("Identity")
	}
	groups := c.t.groups
	if g := c.t.roleGroup(identity); g != nil {
		groups = []*roleGroup{g}
	} else if identity != "" && !c.t.exchange.UnknownIdentityReturnsAll {
		return nil, c.identityNotFound(identity)
	}
	rows := []map[string]any{}
	for _, g := range groups {
		for _, id := range g.Members {
			rows = append(rows, c.memberRow(id))
		}
	}
	return rows, nil
}

func (c *exchangeCall) memberRow(id string) map[string]any {
	if a := c.t.appByObject(id); a != nil {
		return map[string]any{"Name": a.spec.DisplayName, "Identity": a.spec.ObjectID, "Guid": id, "DisplayName": a.spec.DisplayName,
			"ExternalDirectoryObjectId": id, "RecipientType": "User", "RecipientTypeDetails": "ServicePrincipal"}
	}
	return c.t.byID[id].current().row()
}

// membership finds the role group and the member that Add- and Remove-RoleGroupMember name.
func (c *exchangeCall) membership() (g *roleGroup, id string, resp *response) {
	identity, _ := c.param("Identity")
	member, _ := c.param("Member")
	switch {
	case identity == "":
		return nil, "", c.badParameter("Identity")
	case member == "":
		return nil, "", c.badParameter("Member")
	}
	if g = c.t.roleGroup(identity); g == nil {
		return nil, "", c.identityNotFound(identity)
	}
	if rec := c.user(member); rec != nil {
		return g, rec.current().ID, nil
	}
	for _, a := range c.t.apps {
		if c.t.exchangeApps[a.spec.ObjectID] && (strings.EqualFold(member, a.spec.ObjectID) || strings.EqualFold(member, a.spec.ClientID)) {
			return g, a.spec.ObjectID, nil
		}
	}
	return nil, "", c.memberNotFound(member)
}

func (c *exchangeCall) addMember() ([]map[string]any, *response) {
	g, id, resp := c.membership()
	if resp != nil {
		return nil, resp
	}
	if slices.Contains(g.Members, id) {
		return nil, c.memberError(typMemberExists, "is already a member of", id, g)
	}
	g.Members = append(g.Members, id)
	return nil, nil
}

// removeMember prompts unless Confirm is false, and nobody is there to answer.
func (c *exchangeCall) removeMember() ([]map[string]any, *response) {
	if confirm, ok := folded(c.input.Parameters, "Confirm").(bool); !ok || confirm {
		return nil, c.fail(http.StatusBadRequest, "BadRequest", exchangeError{internal: true, typ: typParameters,
			text: "A command that prompts the user failed because the host program or the command type does not support user interaction."})
	}
	g, id, resp := c.membership()
	if resp != nil {
		return nil, resp
	}
	if !g.remove(id) {
		return nil, c.memberError(typMemberMissing, "isn't a member of", id, g)
	}
	return nil, nil
}

func (c *exchangeCall) memberError(typ, relation, id string, g *roleGroup) *response {
	return c.fail(http.StatusBadRequest, "BadRequest", exchangeError{ex: "ExFFFFFF", typ: typ, text: fmt.Sprintf(
		"The recipient \"%s\" %s the group \"%s\".", c.memberRow(id)["Name"], relation, g.Name)})
}
