package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
)

const (
	tenantID = "0550b473-9fd2-4dbb-a058-a1640b4bf458"
	// hook and canary are secrets that no error may repeat.
	hook   = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	canary = "canary-secret-text"
)

func env(pairs ...string) func(string) (string, bool) {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func load(t *testing.T, text string, pairs ...string) config.Config {
	t.Helper()
	c, err := config.Load(write(t, text), env(pairs...), services)
	require.NoError(t, err)
	return c
}

// refused gives what is wrong as "where: what" lines.
func refused(t *testing.T, text string, pairs ...string) []string {
	t.Helper()
	_, err := config.Load(write(t, text), env(pairs...), services)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), canary)
	found, ok := errors.AsType[config.Problems](err)
	require.True(t, ok, "%v", err)
	var lines []string
	for _, p := range found {
		lines = append(lines, p.Where+": "+p.What)
	}
	return lines
}

func TestDefaults(t *testing.T) {
	c, err := config.Load("", env(), nil)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:8080", c.Listen)
	assert.Equal(t, "./usher-data", c.Data)
	assert.Equal(t, "usher-data/usher.db", c.DatabasePath())
	assert.Equal(t, 5*time.Minute, c.Webhooks.Tolerance)
	assert.Equal(t, "public", c.Cloud)
	assert.Equal(t, "https://graph.microsoft.com", c.Endpoints.Graph)
	assert.Empty(t, c.Tenants)
	c.Data = "/srv/usher"
	assert.Equal(t, "/srv/usher/usher.db", c.DatabasePath(), "follows the data directory")
	assert.Equal(t, "file:/srv/usher/vault", c.VaultAddress())
}

func TestExampleIsValid(t *testing.T) {
	c, err := config.Load("../../usher.example.yaml", env("USHER_API_TOKEN", "token", "SERVICENOW_WEBHOOK_SECRET", hook, "DESK_CALLBACK_SECRET", hook, "MAIL_PASSWORD", canary), nil)
	require.NoError(t, err)
	require.NoError(t, c.Check(config.NeedWebhook, config.NeedAPIToken, config.NeedTenants))
	defaults, err := config.Load("", env(), nil)
	require.NoError(t, err)
	assert.Equal(t, defaults.Endpoints, c.Endpoints)
	assert.Equal(t, defaults.Sync, c.Sync)
	assert.Equal(t, defaults.Listen, c.Listen)
	assert.Equal(t, "./usher-data/usher.db", c.DatabasePath())
	assert.Equal(t, "file:./usher-data/vault", c.VaultAddress())
	assert.Equal(t, "token", c.APIToken.Reveal())
	assert.Equal(t, hook, c.Webhooks.Sources["servicenow"][0].Reveal())
	assert.Equal(t, []string{"desk.example.com"}, c.Callback.AllowHosts)
	assert.Equal(t, []account.Tenant{{
		Alias: "contoso", ID: tenantID, Cloud: "public", Domains: []string{"contoso.onmicrosoft.com", "contoso.com"},
		Protected:          []string{"breakglass1@contoso.onmicrosoft.com", "breakglass2@contoso.onmicrosoft.com"},
		Delivery:           account.Delivery{Method: account.DeliverByAge, Recipients: c.Tenants[0].Delivery.Recipients},
		PasswordReferences: []string{"aws-secretsmanager:contoso/usher/"},
		Consents:           account.Consents{Method: account.ConsentLink, Applications: map[string]string{"mediafly-intelligence": "11111111-2222-4333-8444-555555555555"}},
	}}, c.Tenants)
	assert.Equal(t, config.HandOver{Address: "https://usher.example.com/handover", Life: 24 * time.Hour}, c.HandOver)
}

func TestEnvironmentAlone(t *testing.T) {
	c, err := config.Load("", env(
		"AZURE_TENANT_ID", strings.ToUpper(tenantID), "USHER_CLOUD", "usgov-dod", "USHER_WEBHOOK_SECRET", hook+", "+"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"USHER_API_TOKEN", "token", "USHER_DATABASE_URL", "sqlite:///var/lib/usher.db", "USHER_LISTEN", ":9000",
		"USHER_GRAPH_ENDPOINT", "https://127.0.0.1:8443/v1.0/", "USHER_EXCHANGE_ENDPOINT", "https://127.0.0.1:8443/exo",
		"AZURE_AUTHORITY_HOST", "https://login.example.com/", "USHER_LOGIN_ENDPOINT", "https://127.0.0.1:8443",
		"USHER_CALLBACK_URL", "https://desk.example.com/x", "USHER_CALLBACK_SECRET", hook, "USHER_PROFILES", "/etc/usher/profiles"), nil)
	require.NoError(t, err)
	require.NoError(t, c.Check(config.NeedWebhook, config.NeedAPIToken, config.NeedTenants))
	assert.Equal(t, []account.Tenant{{Alias: "default", ID: tenantID, Cloud: "usgov-dod"}}, c.Tenants)
	assert.Len(t, c.Webhooks.Sources[config.EnvironmentSource], 2)
	assert.Equal(t, "/var/lib/usher.db", c.DatabasePath())
	assert.Equal(t, ":9000", c.Listen)
	assert.Equal(t, config.Endpoints{
		Login: "https://127.0.0.1:8443", Graph: "https://127.0.0.1:8443", Exchange: "https://127.0.0.1:8443/exo",
		GraphScope: "https://dod-graph.microsoft.us/.default", ExchangeScope: "https://outlook-dod.office365.us/.default",
	}, c.Endpoints)
	assert.Equal(t, "https://desk.example.com/x", c.Callback.URL)
	assert.Equal(t, "/etc/usher/profiles", c.Profiles)
}

func TestEnvironmentReplacesTheFile(t *testing.T) {
	file := "listen: 127.0.0.1:1\ncloud: china\nwebhooks: {sources: {jira: env:JIRA, default: env:OLD}}\ntenants: [{alias: a, id: " + tenantID + "}]\n"
	c := load(t, file, "USHER_LISTEN", "127.0.0.1:2", "USHER_CLOUD", "", "JIRA", hook, "USHER_WEBHOOK_SECRET", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"AZURE_TENANT_ID", "11111111-1111-1111-1111-111111111111", "AZURE_AUTHORITY_HOST", "https://login.example.com/")
	assert.Equal(t, "127.0.0.1:2", c.Listen)
	assert.Equal(t, "china", c.Cloud, "an empty variable replaces nothing")
	assert.Len(t, c.Webhooks.Sources, 2)
	assert.Equal(t, account.TenantID(tenantID), c.Tenants[0].ID)
	assert.Equal(t, "https://login.example.com", c.Endpoints.Login)
}

func TestSecretFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("the-token\n"), 0o600))
	c := load(t, "apiToken: file:"+path)
	assert.Equal(t, "the-token", c.APIToken.Reveal())
	assert.NotContains(t, fmt.Sprintf("%+v %#v", c, c), "the-token")
}

func TestInitialDomainComesFirst(t *testing.T) {
	c := load(t, "tenants: [{alias: a, id: "+tenantID+", domains: [b.com, c.com, A.onmicrosoft.com, d.com]}]")
	assert.Equal(t, []string{"a.onmicrosoft.com", "b.com", "c.com", "d.com"}, c.Tenants[0].Domains)
}

func TestSchedule(t *testing.T) {
	berlin := time.FixedZone("CEST", 2*3600)
	next, err := load(t, "").Sync.Next(time.Date(2026, 7, 1, 4, 0, 0, 0, berlin))
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC), next)
	for _, bad := range []string{"0 2 * *", "0 0 2 * * *", "61 2 * * *", "nightly", "0 2 31 2 *", "@sometimes"} {
		assert.Contains(t, refused(t, "sync: {schedule: '"+bad+"'}")[0], "sync.schedule (line 1): ", bad)
	}
}

func TestHosts(t *testing.T) {
	for _, name := range []string{"", "public", "usgov", "usgov-dod", "china"} {
		e, ok := config.Hosts(name)
		require.True(t, ok, name)
		for _, u := range []string{e.Login, e.Graph, e.Exchange} {
			assert.Regexp(t, `^https://[a-z0-9.-]+$`, u)
		}
		assert.Equal(t, e.Graph+"/.default", e.GraphScope)
		assert.Equal(t, e.Exchange+"/.default", e.ExchangeScope)
	}
	_, ok := config.Hosts("germany")
	assert.False(t, ok)
}

func TestHome(t *testing.T) {
	const other = "11111111-1111-1111-1111-111111111111"
	file := filepath.Join(t.TempDir(), "usher.yaml")
	require.NoError(t, os.WriteFile(file, []byte("tenants:\n  - alias: contoso\n    id: "+tenantID+"\n"), 0o600))
	for name, tt := range map[string]struct {
		path, env string
		want      account.TenantID
		problem   bool
	}{
		"from the environment": {file, other, other, false},
		"the first tenant":     {file, "", tenantID, false},
		"the only tenant":      {"", other, other, false},
		"none":                 {"", "", "", false},
		"malformed":            {file, "contoso.com", "contoso.com", true},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Load(tt.path, func(name string) (string, bool) {
				if name == "AZURE_TENANT_ID" {
					return tt.env, true
				}
				return "", false
			}, nil)
			assert.Equal(t, tt.problem, err != nil, "%v", err)
			assert.Equal(t, tt.want, c.Home)
		})
	}
}
