package references_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/references"
	"github.com/usher365/usher/shared/keyvaultfake"
	"github.com/usher365/usher/shared/secretsmanagerfake"
)

const hook = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func lookup(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := pairs[name]; return v, ok }
}

// azure is the way to a sign-in service and to a Key Vault.
type azure struct {
	vault *http.Client
	hosts []string
}

func (a *azure) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Host, ".vault.azure.net") {
		return a.vault.Do(r)
	}
	a.hosts = append(a.hosts, r.URL.Host+r.URL.Path)
	w := httptest.NewRecorder()
	base := "https://" + r.URL.Host + "/" + strings.Split(r.URL.Path, "/")[1]
	answer := map[string]any{"issuer": base + "/v2.0", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token"}
	if strings.HasSuffix(r.URL.Path, "/token") {
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		scope, _, _ := strings.Cut(r.Form.Get("scope"), " ")
		answer = map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": "token for " + scope}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		return nil, err
	}
	result := w.Result()
	result.Request = r
	return result, nil
}

// The secrets of a configuration come from both services, with the identity of the
// environment at its authority and the vault's own tenant.
func TestAConfiguration(t *testing.T) {
	aws := secretsmanagerfake.New(secretsmanagerfake.Options{})
	defer aws.Close()
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.URL(),
		"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
	} {
		t.Setenv(name, value)
	}
	vault := keyvaultfake.New(keyvaultfake.Options{})
	defer vault.Close()
	vault.Add("token", "the-token")
	aws.Add("hook", hook)
	arn := aws.Add("rds!cluster-1", `{"username":"usher","password":"p@ss/word"}`)
	way := &azure{vault: vault.Client()}
	env := lookup(map[string]string{
		"AZURE_CLIENT_ID": "22222222-2222-2222-2222-222222222222", "AZURE_CLIENT_SECRET": "secret", "USHER_LOGIN_ENDPOINT": "https://login.example.com",
		"USHER_API_TOKEN": "azure-keyvault:" + keyvaultfake.URL + "/secrets/token", "USHER_WEBHOOK_SECRET": "aws-secretsmanager:hook",
		"USHER_DATABASE_URL": "postgres://usher@db.example.com/usher", "USHER_DATABASE_PASSWORD": "aws-secretsmanager:" + arn + "#password",
		"USHER_SERVICEBUS_NAMESPACE": "a.servicebus.windows.net",
	})
	c, err := config.Load("", env, references.New(references.Options{Env: env, Transport: way}))
	require.NoError(t, err)
	assert.Equal(t, "the-token", c.APIToken.Reveal())
	assert.Equal(t, hook, c.Webhooks.Sources[config.EnvironmentSource][0].Reveal())
	assert.Equal(t, "postgres://usher:p%40ss%2Fword@db.example.com/usher", c.Shared.Database.Reveal())
	require.NotEmpty(t, way.hosts)
	for _, host := range way.hosts {
		assert.Contains(t, host, "login.example.com/"+keyvaultfake.TenantID)
	}
	assert.NotContains(t, fmt.Sprintf("%+v", c), "the-token")
}

func TestProblems(t *testing.T) {
	const ref = "azure-keyvault:https://a.vault.azure.net/secrets/b"
	for name, c := range map[string]struct {
		env       map[string]string
		ref, want string
	}{
		"no way to sign in": {nil, ref, "AZURE_CLIENT_ID"},
		"an unknown cloud":  {map[string]string{"USHER_CLOUD": "mars"}, ref, "is not a cloud"},
		"no reference":      {nil, "env:A", "is not a reference to a secret"},
		"a wrong one":       {nil, "aws-secretsmanager:", "is not aws-secretsmanager:NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := references.New(references.Options{Env: lookup(c.env)}).Resolve(t.Context(), c.ref)
			require.ErrorContains(t, err, c.want)
		})
	}
}
