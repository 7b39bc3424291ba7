package config_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/fault"
)

// resolver keeps secrets by reference.
type resolver map[string]string

func (r resolver) Resolve(_ context.Context, ref string) (account.Secret, error) {
	if text, known := r[ref]; known {
		return account.NewSecret(text), nil
	}
	return account.Secret{}, fault.Stopf(fault.SecretUnavailable, "there is no %s", ref)
}

const (
	otherHook = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	inAzure   = "azure-keyvault:https://a.vault.azure.net/secrets/"
)

// services keep what the tests of this package refer to.
var services = resolver{
	"aws-secretsmanager:hook": hook + "\n", "aws-secretsmanager:hooks": hook + ", " + otherHook, "aws-secretsmanager:wrong": "whsec_" + canary,
	"aws-secretsmanager:empty": " ", "aws-secretsmanager:json": `{"url":"` + canary + `"}`, "aws-secretsmanager:mysql": canary + "://h",
	"aws-secretsmanager:db#url": "postgres://u:" + canary + "@h/d", "aws-secretsmanager:rds#password": canary + "/@",
	"aws-secretsmanager:bob": bobsToken, "aws-secretsmanager:approvers": "ann@contoso.com=" + annsToken + "==,bob@contoso.com=" + bobsToken + "\n",
	inAzure + "token": canary, inAzure + "bus": "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKey=" + canary,
}

func TestSecretsByReference(t *testing.T) {
	const bus = "a.servicebus.windows.net"
	c := load(t, "", "USHER_API_TOKEN", inAzure+"token", "USHER_WEBHOOK_SECRET", otherHook+" aws-secretsmanager:hook",
		"USHER_CALLBACK_URL", "https://desk.example.com", "USHER_CALLBACK_SECRET", "aws-secretsmanager:hook",
		"USHER_DATABASE_URL", "aws-secretsmanager:db#url", "USHER_SERVICEBUS_CONNECTION_STRING", inAzure+"bus")
	assert.Equal(t, canary, c.APIToken.Reveal())
	assert.Len(t, c.Webhooks.Sources[config.EnvironmentSource], 2, "one of them while it is rotated")
	assert.Equal(t, hook, c.Callback.Secret.Reveal())
	assert.Equal(t, "postgres://u:"+canary+"@h/d", c.Shared.Database.Reveal())
	assert.Contains(t, c.Shared.ConnectionString.Reveal(), canary)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", c, c), canary)

	file := "apiToken: " + inAzure + "token\ndatabase: env:DB\nserviceBus: {namespace: " + bus + "}\n" +
		"webhooks: {sources: {a: aws-secretsmanager:hooks, b: [env:B]}}\ndatabasePassword: aws-secretsmanager:rds#password\n"
	c = load(t, file, "DB", "postgres://u@h/d?sslmode=verify-full", "B", "aws-secretsmanager:hook")
	assert.Equal(t, canary, c.APIToken.Reveal())
	assert.Equal(t, "postgres://u:"+canary+"%2F%40@h/d?sslmode=verify-full", c.Shared.Database.Reveal())
	assert.Equal(t, bus, c.Shared.Namespace)
	assert.Len(t, c.Webhooks.Sources["a"], 2, "one secret may hold both while they are rotated")
	assert.Len(t, c.Webhooks.Sources["b"], 1, "a variable may lead to a reference")
}

func TestWrongReferences(t *testing.T) {
	file := `apiToken: aws-secretsmanager:none
database: aws-secretsmanager:json
callback: {url: "https://desk.example.com", secret: aws-secretsmanager:hooks}
webhooks: {sources: {a: aws-secretsmanager:wrong, b: [env:B, aws-secretsmanager:empty]}}
`
	lines := refused(t, file, "B", inAzure+"none")
	for _, want := range []string{
		"apiToken (line 1): aws-secretsmanager:none cannot be fetched: there is no aws-secretsmanager:none",
		"database (line 2): does not lead to a URL such as postgres://",
		"callback.secret (line 3): has several secrets",
		"webhooks.sources.a (line 4): the webhook secret is not base64",
		"webhooks.sources.b[0] (line 4): " + inAzure + "none cannot be fetched",
		"webhooks.sources.b[1] (line 4): aws-secretsmanager:empty is empty",
	} {
		assert.True(t, contains(lines, want), "missing: %s\nin:\n%s", want, strings.Join(lines, "\n"))
	}
	assert.Len(t, lines, 6)
}

// Without a resolver a reference is a problem, and what holds none is read as ever.
func TestNoResolver(t *testing.T) {
	_, err := config.Load("", env("USHER_API_TOKEN", inAzure+"token", "USHER_WEBHOOK_SECRET", hook), nil)
	require.ErrorContains(t, err, "USHER_API_TOKEN: "+inAzure+"token cannot be fetched: this command does not fetch secrets from there")
	found, ok := errors.AsType[config.Problems](err)
	require.True(t, ok)
	assert.Len(t, found, 1)
}

// counting counts what is asked for.
type counting struct {
	resolver
	asked atomic.Int32
}

func (c *counting) Resolve(ctx context.Context, ref string) (account.Secret, error) {
	c.asked.Add(1)
	if _, limited := ctx.Deadline(); !limited {
		return account.Secret{}, errors.New("nothing bounds this")
	}
	return c.resolver.Resolve(ctx, ref)
}

func TestEachSecretIsFetchedOnce(t *testing.T) {
	r := &counting{resolver: services}
	_, err := config.Load("", env("USHER_CALLBACK_URL", "https://a", "USHER_CALLBACK_SECRET", "aws-secretsmanager:hook", "USHER_WEBHOOK_SECRET", "aws-secretsmanager:hook",
		"USHER_LISTEN", ":9000", "USHER_CALLBACK_ALLOWED", "aws-secretsmanager:other"), r)
	require.NoError(t, err)
	assert.EqualValues(t, 1, r.asked.Load())
}

func TestVaultSetting(t *testing.T) {
	for _, given := range []string{"file:/srv/vault", "aws-secretsmanager:usher/prod", "azure-keyvault:https://a.vault.azure.net"} {
		assert.Equal(t, given, load(t, "", "USHER_VAULT", given).VaultAddress())
		assert.Equal(t, given, load(t, "vault: "+given).VaultAddress())
	}
	for _, bad := range []string{"/srv/vault", "file:", "aws-secretsmanager:", "azure-keyvault:a", "vault:x"} {
		assert.Contains(t, refused(t, "", "USHER_VAULT", bad)[0], "USHER_VAULT: \""+bad+"\" is no place for passwords")
	}
}

// Every setting and variable is in the example.
func TestTheExampleNamesEverySetting(t *testing.T) {
	example, err := os.ReadFile("../../usher.example.yaml")
	require.NoError(t, err)
	known := regexp.MustCompile(`the settings here are (.*)$`)
	for _, at := range []string{"x: 1", "webhooks: {x: 1}", "callback: {x: 1}", "serviceBus: {x: 1}", "sync: {x: 1}", "endpoints: {x: 1}", "approvals: {x: 1}", "approvals: {approvers: [{x: 1}]}", "webhooks: {sources: {a: {x: 1}}}", "tenants: [{x: 1}]", "tenants: [{activeDirectory: {x: 1}}]"} {
		names := known.FindStringSubmatch(refused(t, at)[0])
		require.NotNil(t, names, at)
		for name := range strings.SplitSeq(names[1], ", ") {
			assert.Regexp(t, `(?m)^[# ]*(- )?`+name+`:`, string(example))
		}
	}
	source, err := filepath.Glob("*.go")
	require.NoError(t, err)
	variable := regexp.MustCompile(`"(USHER_[A-Z_]+)"`)
	for _, path := range source {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, name := range variable.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(path, "_test.go") {
				assert.Contains(t, string(example), name[1])
			}
		}
	}
}
