package tenantfake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ConditionalAccess returns the Conditional Access policies as they are.
func (t *Tenant) ConditionalAccess() []ConditionalAccessPolicy {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.spec.ConditionalAccess)
}

// EditConditionalAccessByHand changes one policy as an administrator in the portal does; false when there is none of that id.
func (t *Tenant) EditConditionalAccessByHand(id string, edit func(*ConditionalAccessPolicy)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.editPolicy(id, t.s.now(), edit)
}

func (t *Tenant) editPolicy(id string, at time.Time, edit func(*ConditionalAccessPolicy)) bool {
	t.spec.ConditionalAccess = slices.Clone(t.spec.ConditionalAccess)
	i := slices.IndexFunc(t.spec.ConditionalAccess, func(p ConditionalAccessPolicy) bool { return strings.EqualFold(p.ID, id) })
	if i < 0 {
		return false
	}
	edit(&t.spec.ConditionalAccess[i])
	t.spec.ConditionalAccess[i].Modified = at
	return true
}

// pathPolicy is the policy that the path names; nil when there is none.
func (c *graphCall) pathPolicy() *ConditionalAccessPolicy {
	for _, p := range c.t.spec.ConditionalAccess {
		if strings.EqualFold(p.ID, c.params["id"]) {
			return &p
		}
	}
	return nil
}

func (c *graphCall) readConditionalAccess() *response {
	p := c.pathPolicy()
	if p == nil {
		return c.notFound(c.params["id"])
	}
	return c.entity(http.StatusOK, "identity/conditionalAccess/policies/$entity", p.object())
}

// policyUsers are the users of a policy as they are written. What is left out is taken for empty: the strictest reading of an update.
type policyUsers struct {
	IncludeUsers, ExcludeUsers, IncludeGroups, ExcludeGroups, IncludeRoles, ExcludeRoles []string
}

// updateConditionalAccess takes changes of conditions.users alone, for nothing else of a policy is ours to change.
func (c *graphCall) updateConditionalAccess() *response {
	p := c.pathPolicy()
	if p == nil {
		return c.notFound(c.params["id"])
	}
	var sent struct{ Conditions map[string]json.RawMessage }
	var properties map[string]json.RawMessage
	if json.Unmarshal(c.body, &properties) != nil || json.Unmarshal(c.body, &sent) != nil {
		return c.badRequest(invalidValues)
	}
	if len(properties) != 1 || len(sent.Conditions) != 1 || sent.Conditions["users"] == nil {
		return c.badRequest("1003: Only conditions.users can be updated here.")
	}
	var users policyUsers
	if err := json.Unmarshal(sent.Conditions["users"], &users); err != nil {
		return c.badRequest(invalidValues)
	}
	if len(users.IncludeUsers)+len(users.IncludeGroups)+len(users.IncludeRoles) == 0 {
		return c.badRequest("1036: Policy must include at least one user, group or role.")
	}
	for _, id := range slices.Concat(users.IncludeUsers, users.ExcludeUsers) {
		if !slices.Contains([]string{"All", "None", "GuestsOrExternalUsers"}, id) && c.t.byID[id] == nil {
			return c.badRequest("1007: Users listed in the policy do not exist: " + id)
		}
	}
	c.t.editPolicy(p.ID, c.now, func(p *ConditionalAccessPolicy) {
		p.IncludeUsers, p.ExcludeUsers = users.IncludeUsers, users.ExcludeUsers
		p.IncludeGroups, p.ExcludeGroups = users.IncludeGroups, users.ExcludeGroups
		p.IncludeRoles, p.ExcludeRoles = users.IncludeRoles, users.ExcludeRoles
	})
	return newResponse(http.StatusNoContent)
}
