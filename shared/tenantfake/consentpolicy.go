package tenantfake

import (
	"encoding/json"
	"net/http"
)

// ConsentPolicy is the admin consent request policy. The zero value is that of a new tenant: switched off.
type ConsentPolicy struct {
	Enabled, NotifyReviewers, Reminders bool
	// Days is how long a request lives; Version counts the changes.
	Days, Version int
	// Reviewers are queries on Microsoft Graph, such as /users/{id}.
	Reviewers []string
}

// ConsentPolicy returns the policy as it truly is.
func (t *Tenant) ConsentPolicy() ConsentPolicy {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.consentPolicy.value()
}

// SetConsentPolicy replaces the policy, as if it had been so always.
func (t *Tenant) SetConsentPolicy(p ConsentPolicy) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.consentPolicy.set(t.s.now(), &p)
	t.consentPolicy.settle()
}

type consentPolicyRecord struct{ record[ConsentPolicy] }

func (r *consentPolicyRecord) value() ConsentPolicy {
	if p := r.current(); p != nil {
		return *p
	}
	return ConsentPolicy{}
}

func (p ConsentPolicy) object() map[string]any {
	reviewers := []any{}
	for _, query := range p.Reviewers {
		reviewers = append(reviewers, map[string]any{"query": query, "queryType": "MicrosoftGraph", "queryRoot": nil})
	}
	return map[string]any{
		"isEnabled": p.Enabled, "notifyReviewers": p.NotifyReviewers, "remindersEnabled": p.Reminders,
		"requestDurationInDays": p.Days, "version": p.Version, "reviewers": reviewers,
	}
}

func (c *graphCall) readConsentPolicy() *response {
	var p ConsentPolicy
	if seen := c.t.consentPolicy.seen(c.now, ReadPolicies, c.t.consistency[ReadPolicies], c.stale); seen != nil {
		p = *seen
	}
	return c.entity(http.StatusOK, "policies/adminConsentRequestPolicy/$entity", p.object())
}

// consentPolicySettings must all be sent (reference: Microsoft Graph docs, adminconsentrequestpolicy-update).
var consentPolicySettings = []string{"isEnabled", "notifyReviewers", "remindersEnabled", "requestDurationInDays", "reviewers"}

// longestConsentRequest is the most days that the Entra admin centre takes.
const longestConsentRequest = 60

func (c *graphCall) putConsentPolicy() *response {
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &sent); err != nil {
		return c.badRequest(invalidValues)
	}
	for _, name := range consentPolicySettings {
		if _, given := sent[name]; !given {
			return c.badRequest("A value is required for property '" + name + "' of resource 'AdminConsentRequestPolicy'.")
		}
	}
	var body struct {
		IsEnabled, NotifyReviewers, RemindersEnabled bool
		RequestDurationInDays                        int
		Reviewers                                    []struct{ Query, QueryType string }
	}
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	p := ConsentPolicy{Enabled: body.IsEnabled, NotifyReviewers: body.NotifyReviewers, Reminders: body.RemindersEnabled, Days: body.RequestDurationInDays}
	for _, r := range body.Reviewers {
		if r.Query == "" || r.QueryType != "MicrosoftGraph" {
			return c.badRequest(invalidValues)
		}
		p.Reviewers = append(p.Reviewers, r.Query)
	}
	if p.Days < 0 || p.Days > longestConsentRequest || p.Enabled && (p.Days == 0 || len(p.Reviewers) == 0) {
		return c.badRequest(invalidValues)
	}
	p.Version = c.t.consentPolicy.value().Version + 1
	c.t.consentPolicy.set(c.now, &p)
	return newResponse(http.StatusNoContent)
}
