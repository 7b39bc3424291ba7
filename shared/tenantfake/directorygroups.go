package tenantfake

import (
	"slices"
	"strings"
)

// Group is a group of the directory. Who is in it, User.Groups says; a group may be in other groups.
type Group struct {
	// ID empty means a new one.
	ID, DisplayName string
	// In are the ids of the groups that this one is a member of.
	In []string
}

// PutGroup adds a group, or replaces the one of its id, and returns the id.
func (t *Tenant) PutGroup(g Group) string {
	t.lock()
	defer t.mu.Unlock()
	g.ID = strings.ToLower(g.ID)
	if g.ID == "" {
		g.ID = t.s.guid()
	}
	t.spec.Groups = append(slices.DeleteFunc(slices.Clone(t.spec.Groups), func(h Group) bool { return h.ID == g.ID }), g)
	return g.ID
}

// RemoveGroup deletes a group.
func (t *Tenant) RemoveGroup(id string) {
	t.lock()
	defer t.mu.Unlock()
	t.spec.Groups = slices.DeleteFunc(slices.Clone(t.spec.Groups), func(g Group) bool { return strings.EqualFold(g.ID, id) })
}

func (t *Tenant) directoryGroup(id string) (Group, bool) {
	i := slices.IndexFunc(t.spec.Groups, func(g Group) bool { return strings.EqualFold(g.ID, id) })
	if i < 0 {
		return Group{}, false
	}
	return t.spec.Groups[i], true
}

// within lists the ids of a group and of those in it, however deep. A ring of groups ends.
func (t *Tenant) within(id string) []string {
	all := []string{id}
	for i := 0; i < len(all); i++ {
		for _, g := range t.spec.Groups {
			if slices.Contains(g.In, all[i]) && !slices.Contains(all, g.ID) {
				all = append(all, g.ID)
			}
		}
	}
	return all
}

func (g Group) object() map[string]any {
	return map[string]any{"@odata.type": "#microsoft.graph.group", "id": g.ID, "displayName": g.DisplayName, "securityEnabled": true, "mailEnabled": false}
}

// listGroups lists the groups (reference: Microsoft Graph docs, group-list).
func (c *graphCall) listGroups() *response {
	objects := []map[string]any{}
	for _, g := range c.t.spec.Groups {
		o := g.object()
		delete(o, "@odata.type")
		objects = append(objects, o)
	}
	return c.collection("groups", map[string]filterable{"id": basic, "displayName": basic}, objects)
}

// groupMembers lists users and groups in a group, through other groups too (reference: Microsoft Graph docs, group-list-transitivemembers).
func (c *graphCall) groupMembers() *response {
	g, ok := c.t.directoryGroup(c.params["id"])
	if !ok {
		return c.notFound(c.params["id"])
	}
	groups, objects := c.t.within(g.ID), []map[string]any{}
	for _, id := range groups[1:] {
		inner, _ := c.t.directoryGroup(id)
		objects = append(objects, inner.object())
	}
	for _, rec := range c.t.users {
		u := live(rec.current())
		if u == nil || !slices.ContainsFunc(u.Groups, func(id string) bool { return slices.Contains(groups, id) }) {
			continue
		}
		objects = append(objects, map[string]any{
			"@odata.type": "#microsoft.graph.user", "id": u.ID, "userPrincipalName": u.UserPrincipalName, "displayName": u.DisplayName,
		})
	}
	return c.collection("directoryObjects", nil, objects)
}
