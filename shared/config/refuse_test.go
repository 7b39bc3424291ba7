package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/config"
)

func TestEverythingWrongAtOnce(t *testing.T) {
	file := `lisen: 127.0.0.1:80
listen: nowhere
apiToken: ` + canary + `
webhooks:
  tolerance: never
  sources:
    Service Now: env:MISSING
    jira: []
    zendesk: [env:SHORT]
callback: {secret: env:HOOK, allowPrivate: maybe}
cloud: mars
listen: 127.0.0.1:81
endpoints: {graph: "http://graph.example.com", login: "https://login.example.com/common"}
profiles: [a]
tenants:
  - alias: Contoso!
    id: contoso
    cloud: venus
    domains: [contoso.com, "not a domain"]
    protected: [breakglass]
    roleGroups: [""]
    owner: me
  - {alias: a, id: ` + tenantID + `, domains: [a.onmicrosoft.com]}
  - {alias: a, id: ` + strings.ToUpper(tenantID) + `, domains: [b.com, A.onmicrosoft.com]}
  - {}
`
	lines := refused(t, file, "SHORT", "Y2FuYXJ5LXNlY3JldC10ZXh0", "HOOK", "whsec_"+canary)
	for _, want := range []string{
		"lisen (line 1): is not known; the settings here are apiToken, approvals, callback",
		"listen (line 12): is given twice",
		"profiles (line 14): must be a single value",
		"webhooks.sources.jira (line 8): has no secret; write env:NAME, file:/PATH, aws-secretsmanager:NAME or azure-keyvault:",
		"tenants[0].owner (line 22): is not known; the settings here are activeDirectory, alias, applications, cloud, consent",
		"listen (line 2): \"nowhere\" is not HOST:PORT",
		"apiToken (line 3): must be a reference; write env:NAME, file:/PATH, aws-secretsmanager:NAME or azure-keyvault:",
		"webhooks.tolerance (line 5): \"never\" is not a time",
		"webhooks.sources: \"Service Now\" is not a name",
		"webhooks.sources.Service Now (line 7): the environment variable MISSING is not set",
		"webhooks.sources.zendesk[0] (line 9): the webhook secret has 18 bytes, at least 24 are needed",
		"callback.secret (line 10): is given without callback.url",
		"callback.secret (line 10): the webhook secret is not base64",
		"callback.allowPrivate (line 10): must be true or false",
		"cloud (line 11): \"mars\" is not a cloud; use china, public, usgov, usgov-dod",
		"endpoints.graph (line 13): must be https://HOST",
		"endpoints.login (line 13): must not have a path",
		"tenants[0].alias (line 16): \"Contoso!\" is not a name",
		"tenants[0].id (line 17): \"contoso\" is not a tenant id",
		"tenants[0].cloud (line 18): \"venus\" is not a cloud",
		"tenants[0].domains[1] (line 19): \"not a domain\" is not a domain",
		"tenants[0].domains[0] (line 19): the tenant's onmicrosoft.com domain is missing",
		"tenants[0].protected[0] (line 20): \"breakglass\" protects nothing",
		"tenants[0].roleGroups[0] (line 21): is empty",
		"tenants[2].alias (line 24): \"a\" is given to two tenants",
		"tenants[2].id (line 24): \"" + tenantID + "\" is given to two tenants",
		"tenants[2].domains[1] (line 24): \"a.onmicrosoft.com\" is given to two tenants",
		"tenants[3] (line 25): has no alias",
		"tenants[3] (line 25): has no id",
	} {
		assert.True(t, contains(lines, want), "missing: %s\nin:\n%s", want, strings.Join(lines, "\n"))
	}
	assert.Len(t, lines, 29)
}

func contains(lines []string, prefix string) bool {
	for _, l := range lines {
		if strings.HasPrefix(l, prefix) {
			return true
		}
	}
	return false
}

func TestWrongEnvironment(t *testing.T) {
	lines := refused(t, "", "USHER_LISTEN", "8080", "USHER_CLOUD", "gcc", "USHER_WEBHOOK_SECRET", canary, "USHER_GRAPH_ENDPOINT", "http://x",
		"USHER_EXCHANGE_ENDPOINT", "https://u:"+canary+"@x", "USHER_LOGIN_ENDPOINT", "login", "USHER_CALLBACK_URL", "desk/"+canary, "AZURE_TENANT_ID", "contoso.com")
	assert.Len(t, lines, 8)
	for _, name := range []string{"USHER_LISTEN", "USHER_CLOUD", "USHER_WEBHOOK_SECRET", "USHER_GRAPH_ENDPOINT", "USHER_EXCHANGE_ENDPOINT",
		"USHER_LOGIN_ENDPOINT", "USHER_CALLBACK_URL", "AZURE_TENANT_ID"} {
		assert.True(t, contains(lines, name+": "), name)
	}
}

func TestWrongSecretFiles(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte(" \n"), 0o600))
	assert.Contains(t, refused(t, "apiToken: file:"+empty)[0], "is empty")
	assert.Contains(t, refused(t, "apiToken: file:/nowhere/token")[0], "the secret cannot be read")
	assert.Contains(t, refused(t, "apiToken: file:token")[0], "must be a reference")
	assert.Contains(t, refused(t, "apiToken: 'env:'")[0], "must be a reference")
}

func TestWrongFiles(t *testing.T) {
	for text, want := range map[string]string{
		"listen: [":                         "the file: is not valid YAML",
		"- a":                               "the file (line 1): must hold settings",
		"just text":                         "the file (line 1): must hold settings",
		"listen: a:1\n---\nlisten: b:2":     "something after the first document",
		"tenants: {alias: a}":               "tenants (line 1): must be a list",
		"tenants: [a]":                      "tenants[0] (line 1): must hold settings",
		"webhooks: {sources: [a]}":          "webhooks.sources (line 1): must hold settings",
		"a: &x {b: 1}\nsync:\n  <<: *x":     "sync.<< (line 1): is not known",
		strings.Repeat("# long\n", 1<<20/6): "is not a configuration",
	} {
		assert.Contains(t, strings.Join(refused(t, text), "\n"), want)
	}
	_, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"), env(), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "usher.example.yaml")
	_, err = config.Load(t.TempDir(), env(), nil)
	require.ErrorContains(t, err, "read the configuration")
}

func TestFilesThatSayNothing(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "webhooks:\ntenants:\nlisten:\nsync:\n  schedule:\n", "---\n"} {
		assert.Equal(t, "127.0.0.1:8080", load(t, text).Listen)
	}
}

func TestCheck(t *testing.T) {
	c := load(t, "")
	err := c.Check(config.NeedWebhook, config.NeedAPIToken, config.NeedTenants)
	found, ok := errors.AsType[config.Problems](err)
	require.True(t, ok)
	assert.Len(t, found, 3)
	for _, want := range []string{"USHER_WEBHOOK_SECRET", "openssl rand", "USHER_API_TOKEN", "AZURE_TENANT_ID"} {
		assert.ErrorContains(t, err, want)
	}
	require.NoError(t, c.Check(), "the demo needs nothing")

	same := load(t, "webhooks: {sources: {a: env:HOOK, b: env:HOOK}}", "HOOK", hook)
	require.ErrorContains(t, same.Check(config.NeedWebhook), "the same secret")
}

func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("../../usher.example.yaml")
	require.NoError(f, err)
	f.Add(string(example))
	f.Add("tenants: &a [{alias: a, domains: *a}]")
	f.Add("webhooks: {sources: {a: [env:B]}}\nsync: {schedule: '*/5 * * * *'}")
	f.Add("database: aws-secretsmanager:db#url\napiToken: azure-keyvault:https://a/secrets/b\nvault: aws-secretsmanager:usher")
	f.Add("? [a]\n: b\n")
	f.Add("a: &a [*a]")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "usher.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, env(), services)
		if err == nil && (c.Listen == "" || c.Webhooks.Tolerance == 0 || c.Endpoints.Graph == "") {
			t.Fatalf("accepted a configuration that lacks something: %+v", c)
		}
	})
}
