package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// changesAccess: reference: Microsoft Graph, Update conditionalAccessPolicy.
const changesAccess = "Policy.ReadWrite.ConditionalAccess"

// accessPause is the pause before a throttled call to Conditional Access is repeated:
// Graph allows one a second and tenant, and does not say so in its refusal.
const accessPause = 1500 * time.Millisecond

// SetExcluded puts one user, by object id, among those whom a Conditional Access policy
// excludes, or takes it out again, and reads back. Nothing else of the policy is
// changed, and nothing is sent when it is as wanted. It gives
// fault.AccessPolicyNotFound when there is no such policy, fault.ExclusionNotVisible
// while the change does not show, and fault.AccessPolicyChanged, to be tried again, when
// something else of the policy changed at the same time.
func (c *Client) SetExcluded(ctx context.Context, t account.TenantID, policy, user string, excluded bool) error {
	doing := "take user " + user + " out of the exclusions of the Conditional Access policy " + policy
	if excluded {
		doing = "exclude user " + user + " from the Conditional Access policy " + policy
	}
	call := call{doing: doing, objects: []string{policy, user}, permission: changesAccess, missing: fault.AccessPolicyNotFound}
	path := "/identity/conditionalAccess/policies/" + url.PathEscape(policy)
	return c.run(ctx, t, call, func(s *session) error {
		s = s.patient()
		before, err := s.accessPolicy(ctx, path)
		if err != nil || before.excludes(user) == excluded {
			return err
		}
		body, err := before.change(user, excluded)
		if err != nil {
			return err
		}
		if err := s.write(ctx, http.MethodPatch, path, body); err != nil {
			return err
		}
		after, err := s.accessPolicy(ctx, path)
		switch {
		case err != nil:
			return err
		case after.excludes(user) != excluded:
			return fault.NotReadyf(fault.ExclusionNotVisible, "the policy %s does not show the change yet", policy)
		case !before.same(after, user):
			return fault.Retry(fault.AccessPolicyChanged, 0, fmt.Errorf("the policy %s was changed by somebody else at the same time", policy))
		}
		return nil
	})
}

// patient is a session that repeats a throttled call after as long as Conditional Access takes.
func (s *session) patient() *session {
	slow := *s
	slow.opts.RetryDelay = max(s.opts.RetryDelay, accessPause)
	return &slow
}

// accessPolicy is a Conditional Access policy as it came, so that what we do not know of
// goes back as it was.
type accessPolicy struct {
	whole map[string]any
	users map[string]any
}

func (s *session) accessPolicy(ctx context.Context, path string) (p accessPolicy, err error) {
	if err := s.get(ctx, path, &p.whole); err != nil {
		return p, err
	}
	conditions, _ := p.whole["conditions"].(map[string]any)
	users, there := conditions["users"].(map[string]any)
	if !there {
		return p, errIncomplete("a Conditional Access policy without conditions.users")
	}
	p.users = users
	return p, nil
}

func (p accessPolicy) excluded() []any {
	list, _ := p.users["excludeUsers"].([]any)
	return list
}

func (p accessPolicy) excludes(user string) bool { return slices.ContainsFunc(p.excluded(), is(user)) }

// is compares an id of a list with one of ours.
func is(user string) func(any) bool {
	return func(v any) bool {
		id, text := v.(string)
		return text && strings.EqualFold(id, user)
	}
}

// change gives the body that changes the exclusions alone. All users of the policy go
// with it, for a list that is left out could be taken for an empty one.
func (p accessPolicy) change(user string, excluded bool) (json.RawMessage, error) {
	users := map[string]any{}
	for name, v := range p.users {
		if v != nil && !strings.Contains(name, "@") {
			users[name] = v
		}
	}
	list := slices.DeleteFunc(slices.Clone(p.excluded()), is(user))
	if excluded {
		list = append(list, user)
	}
	if list == nil {
		list = []any{}
	}
	users["excludeUsers"] = list
	body, err := json.Marshal(map[string]any{"conditions": map[string]any{"users": users}})
	if err != nil {
		return nil, fmt.Errorf("encode the policy: %w", err)
	}
	return body, nil
}

// same reports whether two readings differ in nothing but the user's exclusion, and when
// they were changed.
func (p accessPolicy) same(after accessPolicy, user string) bool {
	return reflect.DeepEqual(p.without(user), after.without(user))
}

// without is the policy but for one user's exclusion. Lists of ids have no order.
func (p accessPolicy) without(user string) map[string]any {
	rest := copyOf(p.whole)
	delete(rest, "modifiedDateTime")
	conditions := copyOf(p.whole["conditions"].(map[string]any))
	users := copyOf(p.users)
	for name, v := range users {
		if list, ok := v.([]any); ok {
			sorted := slices.DeleteFunc(slices.Clone(list), func(v any) bool { return name == "excludeUsers" && is(user)(v) })
			slices.SortFunc(sorted, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			users[name] = fmt.Sprint(sorted)
		}
	}
	conditions["users"] = users
	rest["conditions"] = conditions
	return rest
}

func copyOf(m map[string]any) map[string]any {
	c := make(map[string]any, len(m))
	for name, v := range m {
		if !strings.HasPrefix(name, "@") {
			c[name] = v
		}
	}
	return c
}
