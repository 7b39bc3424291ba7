package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/policy"
)

func TestApprovers(t *testing.T) {
	c := load(t, `
policy: ./policy.yaml
approvals:
  approvers:
    - {id: ann@contoso.com, name: Ann Ash, email: ann.ash@contoso.com, also: [aash]}
    - {id: bob@contoso.com, name: Bob Bay}
`)
	assert.Equal(t, "./policy.yaml", c.Policy)
	assert.Equal(t, []policy.Person{
		{ID: "ann@contoso.com", Name: "Ann Ash", Email: "ann.ash@contoso.com", Also: []string{"aash"}},
		{ID: "bob@contoso.com", Name: "Bob Bay"},
	}, c.Approvers)
	c = load(t, "approvals: {approvers: [{id: x, name: X}]}", "USHER_APPROVERS", "ann@contoso.com, bob@contoso.com")
	assert.Equal(t, []policy.Person{{ID: "ann@contoso.com", Name: "ann@contoso.com"}, {ID: "bob@contoso.com", Name: "bob@contoso.com"}}, c.Approvers)
	assert.Empty(t, load(t, "approvals:").Approvers)
}

func TestApproversRefused(t *testing.T) {
	for given, want := range map[string]string{
		"approvals: {approvers: [{name: Ann}]}":                                "approvals.approvers[0] (line 1): has no id",
		"approvals: {approvers: [{id: ann@contoso.com}]}":                      "approvals.approvers[0] (line 1): has no name",
		"approvals: {approvers: [{id: Ann Ash, name: Ann Ash}]}":               `"Ann Ash" is not an id`,
		"approvals: {approvers: [{id: a@b.c, name: A}, {id: A@B.c, name: B}]}": "approvals.approvers[1] (line 1): may be a person who is listed before",
		"approvals: {approvers: [{id: a@b.c, name: A, mail: x}]}":              "approvals.approvers[0].mail (line 1): is not known",
		"approvals: {approvers: ann}":                                          "must be a list",
		"approvals: {who: ann}":                                                "approvals.who (line 1): is not known; the settings here are approvers",
		"webhooks: {sources: {desk: {secrets: env:HOOK, approves: maybe}}}":    "webhooks.sources.desk.approves (line 1): must be true or false",
		"webhooks: {sources: {desk: {approves: true}}}":                        "webhooks.sources.desk (line 1): has no secret",
		"webhooks: {sources: {desk: {secrets: env:HOOK, trusted: true}}}":      "is not known; the settings here are approves, secrets",
	} {
		lines := refused(t, given, "HOOK", "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=")
		assert.Contains(t, strings.Join(lines, "\n"), want, given)
	}
}

func TestASourceMayBeTrustedToApprove(t *testing.T) {
	c := load(t, `
webhooks:
  sources:
    desk: {secrets: [env:HOOK, env:HOOK], approves: true}
    jira: env:HOOK
    other: {secrets: env:HOOK, approves: false}
`, "HOOK", "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=")
	assert.Equal(t, []string{"desk"}, c.Webhooks.Approving)
	assert.Len(t, c.Webhooks.Sources["desk"], 2)
	assert.Len(t, c.Webhooks.Sources["other"], 1)
}
