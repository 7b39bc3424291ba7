package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/config"
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
	assert.Equal(t, "policy.yaml", filepath.Base(c.Policy))
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

const (
	annsToken = canary + "-of-ann-and-of-nobody-else"
	bobsToken = canary + "-of-bob-and-of-nobody-else"
)

// tokensOf are the approvers' tokens by id.
func tokensOf(c config.Config) map[string]string {
	found := map[string]string{}
	for _, t := range c.ApproverTokens {
		found[t.ID] = t.Token.Reveal()
	}
	return found
}

func TestTokensOfApprovers(t *testing.T) {
	const file = "approvals: {approvers: [{id: ann@contoso.com, name: Ann, token: env:ANN}, {id: bob@contoso.com, name: Bob, token: aws-secretsmanager:bob}, {id: cy, name: Cy}]}"
	c := load(t, file, "ANN", annsToken)
	assert.Equal(t, map[string]string{"ann@contoso.com": annsToken, "bob@contoso.com": bobsToken}, tokensOf(c))
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", c, c, c), canary)
	assert.Empty(t, load(t, file, "ANN", annsToken, "USHER_APPROVERS", "ann@contoso.com").ApproverTokens, "the variable names other people")

	both := map[string]string{"ann@contoso.com": annsToken + "==", "bob@contoso.com": bobsToken}
	c = load(t, "", "USHER_APPROVERS", "ann@contoso.com,bob@contoso.com", "USHER_APPROVER_TOKENS", "ann@contoso.com="+annsToken+"==, bob@contoso.com="+bobsToken)
	assert.Equal(t, both, tokensOf(c), "as base64 ends")
	assert.Equal(t, both, tokensOf(load(t, "", "USHER_APPROVER_TOKENS", "aws-secretsmanager:approvers")), "all in one secret of a service")
	c = load(t, file, "USHER_APPROVER_TOKENS", "cy="+annsToken)
	assert.Equal(t, map[string]string{"cy": annsToken}, tokensOf(c), "in the place of the file's, which are not even looked at")
}

func TestTokensOfApproversRefused(t *testing.T) {
	const two = "approvals: {approvers: [{id: a@b.c, name: A, token: env:ANN}, {id: d@e.f, name: D, token: %s}]}"
	for given, want := range map[string]string{
		"approvals: {approvers: [{id: a, name: A, token: " + annsToken + "}]}":       "approvals.approvers[0].token (line 1): must be a reference",
		"approvals: {approvers: [{id: a, name: A, token: ''}]}":                      "approvals.approvers[0].token (line 1): must be a reference",
		"approvals: {approvers: [{id: a, name: A, token: [env:ANN]}]}":               "approvals.approvers[0].token (line 1): must be a single value",
		"approvals: {approvers: [{id: a, name: A, token: env:NONE}]}":                "the environment variable NONE is not set",
		"approvals: {approvers: [{id: a, name: A, token: env:SHORT}]}":               "approvals.approvers[0].token (line 1): has fewer than 32 characters",
		"approvals: {approvers: [{id: a, name: A, token: aws-secretsmanager:none}]}": "aws-secretsmanager:none cannot be fetched",
		fmt.Sprintf(two, "env:ANN"):                                                  "approvals.approvers[1].token (line 1): is the token of another approver",
		fmt.Sprintf(two, "env:USHER_API_TOKEN"):                                      "approvals.approvers[1].token (line 1): is the token of the whole API",
	} {
		lines := refused(t, given, "ANN", annsToken, "SHORT", canary, "USHER_API_TOKEN", bobsToken)
		assert.Contains(t, strings.Join(lines, "\n"), want, given)
	}
	for given, want := range map[string]string{
		annsToken:                            "USHER_APPROVER_TOKENS, entry 1: is not ID=TOKEN",
		"a=" + annsToken + ",b=":             "USHER_APPROVER_TOKENS, entry 2: is not ID=TOKEN",
		"=" + annsToken:                      "entry 1: is not ID=TOKEN",
		annsToken + "=ann@contoso.com":       "entry 1: has fewer than 32 characters",
		"a=" + annsToken + " b=" + annsToken: "entry 2: is the token of another approver",
		"a=" + annsToken + ",b=" + bobsToken: "entry 2: is the token of the whole API",
		"aws-secretsmanager:none":            "USHER_APPROVER_TOKENS: aws-secretsmanager:none cannot be fetched",
		"aws-secretsmanager:hook":            "entry 1: is not ID=TOKEN",
	} {
		lines := refused(t, "", "USHER_APPROVER_TOKENS", given, "USHER_API_TOKEN", bobsToken)
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
