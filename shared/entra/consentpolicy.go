package entra

import (
	"context"
	"fmt"
	"net/http"
	"regexp"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const (
	consentPolicyPath    = "/policies/adminConsentRequestPolicy"
	changesConsentPolicy = "Policy.ReadWrite.ConsentRequest"
)

// ConsentPolicy reads the tenant's admin consent request policy.
func (c *Client) ConsentPolicy(ctx context.Context, t account.TenantID) (account.ConsentPolicy, error) {
	call := call{doing: "read the admin consent request policy", permission: "Policy.Read.All"}
	var w wireConsentPolicy
	err := c.run(ctx, t, call, func(s *session) error {
		if err := s.get(ctx, consentPolicyPath, &w); err != nil {
			return err
		}
		if w.IsEnabled == nil {
			return errIncomplete("an admin consent request policy that does not say whether it is enabled")
		}
		return nil
	})
	if err != nil {
		return account.ConsentPolicy{}, err
	}
	return w.policy(), nil
}

// SetConsentPolicy replaces the tenant's admin consent request policy, all of it, and
// returns the one before, with which the change can be undone: also along with an error
// of the change itself, whose answer may be lost. Nothing is sent when there is nothing
// to change. It does not read back, and the consent page may follow up to an hour later
// (reference: Microsoft Entra, Configure the admin consent workflow).
func (c *Client) SetConsentPolicy(ctx context.Context, t account.TenantID, want account.ConsentPolicy) (before account.ConsentPolicy, err error) {
	body, err := wirePolicy(want)
	if err != nil {
		return before, err
	}
	if before, err = c.ConsentPolicy(ctx, t); err != nil || len(before.Changes(want)) == 0 {
		return before, err
	}
	call := call{doing: "set the admin consent request policy", permission: changesConsentPolicy}
	return before, c.run(ctx, t, call, func(s *session) error {
		return s.write(ctx, http.MethodPut, consentPolicyPath, body)
	})
}

type wireConsentPolicy struct {
	IsEnabled             *bool          `json:"isEnabled"`
	NotifyReviewers       bool           `json:"notifyReviewers"`
	RemindersEnabled      bool           `json:"remindersEnabled"`
	RequestDurationInDays int            `json:"requestDurationInDays"`
	Reviewers             []wireReviewer `json:"reviewers"`
}

type wireReviewer struct {
	Query     string `json:"query"`
	QueryType string `json:"queryType"`
}

func (w wireConsentPolicy) policy() account.ConsentPolicy {
	p := account.ConsentPolicy{Enabled: *w.IsEnabled, Mails: w.NotifyReviewers, Reminders: w.RemindersEnabled, Days: w.RequestDurationInDays}
	for _, r := range w.Reviewers {
		p.Reviewers = append(p.Reviewers, reviewerOf(r.Query))
	}
	return p
}

// wirePolicy gives a policy as Graph takes it: every setting, for it replaces.
func wirePolicy(p account.ConsentPolicy) (wireConsentPolicy, error) {
	w := wireConsentPolicy{
		IsEnabled: &p.Enabled, NotifyReviewers: p.Mails, RemindersEnabled: p.Reminders, RequestDurationInDays: p.Days,
		Reviewers: []wireReviewer{},
	}
	for _, r := range p.Reviewers {
		query, err := queryOf(r)
		if err != nil {
			return w, err
		}
		w.Reviewers = append(w.Reviewers, wireReviewer{Query: query, QueryType: "MicrosoftGraph"})
	}
	return w, nil
}

const guid = `[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`

// reviewerForms are the queries that the Entra admin centre writes; they are read with
// and without a version in front (reference: Microsoft Graph, accessReviewReviewerScope).
var reviewerForms = []struct {
	kind  account.ReviewerKind
	write string
	read  string
}{
	{account.ReviewerUser, "/users/%s", `^(?:/v1\.0|/beta)?/users/(` + guid + `)$`},
	{account.ReviewerGroup, "/groups/%s/transitiveMembers/microsoft.graph.user", `^(?:/v1\.0|/beta)?/groups/(` + guid + `)/transitiveMembers/microsoft\.graph\.user$`},
	{account.ReviewerRole, "/beta/roleManagement/directory/roleAssignments?$filter=roleDefinitionId eq '%s'",
		`^(?:/v1\.0|/beta)?/roleManagement/directory/roleAssignments\?\$filter=roleDefinitionId eq '(` + guid + `)'$`},
}

// reviewerOf reads a reviewer's query.
func reviewerOf(query string) account.Reviewer {
	for _, form := range reviewerForms {
		if m := regexp.MustCompile(form.read).FindStringSubmatch(query); m != nil {
			return account.Reviewer{Kind: form.kind, ID: m[1]}
		}
	}
	return account.Reviewer{Kind: account.ReviewerOther, ID: query}
}

// queryOf writes a reviewer's query. An id that is none could change what it asks for.
func queryOf(r account.Reviewer) (string, error) {
	if r.Kind == account.ReviewerOther && r.ID != "" {
		return r.ID, nil
	}
	for _, form := range reviewerForms {
		query := fmt.Sprintf(form.write, r.ID)
		if form.kind == r.Kind && reviewerOf(query).Kind == r.Kind {
			return query, nil
		}
	}
	return "", fault.Stopf(fault.RequestInvalid, "consent policy: a reviewer is a user, group or role with its id, not %q %q", r.Kind, r.ID)
}
