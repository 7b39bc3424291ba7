package config

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
)

// Resolver fetches secrets that are kept elsewhere.
type Resolver interface {
	// Resolve gives the secret that a reference names, such as aws-secretsmanager:NAME.
	// Its error names the reference and never holds the secret.
	Resolve(ctx context.Context, ref string) (account.Secret, error)
}

// fetchTimeout bounds the fetching of all secrets, which goes on at once for all.
const fetchTimeout = 30 * time.Second

// Load reads the file at path, lets the environment replace its settings, and checks
// everything. An empty path means that there is no file. The error is Problems with
// all that is wrong, or says that the file cannot be read. Which settings must be
// given depends on the command: see Check.
//
// A secret, in the file or the environment, that begins with aws-secretsmanager: or
// azure-keyvault: is fetched by resolve. A nil resolve makes that a problem.
//
// A process that serves only some functions names them: it follows no reference to a
// secret that others use, and the Config has none of these. None means all functions.
//
// Relative paths of policy, profiles and rootsFile in the file are beside the file.
//
// An environment variable that is set but empty counts as not set.
func Load(path string, env func(string) (string, bool), resolve Resolver, serving ...string) (Config, error) {
	r := newReader()
	if path != "" {
		if err := r.readFile(path); err != nil {
			return Config{}, err
		}
	}
	overlay(&r.raw, env)
	b := builder{raw: r.raw, env: env, dir: filepath.Dir(path), serving: serving, problems: r.problems}
	b.fetch(resolve)
	c := b.build()
	return c, b.problems.err()
}

// variables are the environment's names of settings, in the order of preference.
var variables = []struct {
	name, key string
}{
	{"USHER_LISTEN", "listen"},
	{"USHER_DATABASE_URL", "database"},
	{"USHER_DATABASE_PASSWORD", "databasePassword"},
	{"USHER_VAULT", "vault"},
	{"USHER_SERVICEBUS_NAMESPACE", "serviceBus.namespace"},
	{"USHER_SERVICEBUS_CONNECTION_STRING", "serviceBus.connectionString"},
	{"USHER_API_TOKEN", apiToken},
	{approverTokensVariable, approverTokens},
	{"USHER_CALLBACK_URL", "callback.url"},
	{"USHER_CALLBACK_SECRET", callbackSecret},
	{"USHER_MAIL_ADDRESS", "mail.address"},
	{"USHER_MAIL_FROM", "mail.from"},
	{"USHER_MAIL_USERNAME", "mail.username"},
	{"USHER_MAIL_PASSWORD", mailPassword},
	{"USHER_HANDOVER_ADDRESS", "handover.address"},
	{"USHER_PUBLIC_ADDRESS", "publicAddress"},
	{"USHER_PROFILES", "profiles"},
	{"USHER_POLICY", "policy"},
	{"USHER_CLOUD", "cloud"},
	{"AZURE_AUTHORITY_HOST", "endpoints.login"},
	{"USHER_LOGIN_ENDPOINT", "endpoints.login"},
	{"USHER_GRAPH_ENDPOINT", "endpoints.graph"},
	{"USHER_EXCHANGE_ENDPOINT", "endpoints.exchange"},
}

// homeVariable is azidentity's name of the tenant of our application.
const homeVariable = "AZURE_TENANT_ID"

// overlay lets the environment replace what the file says.
func overlay(r *raw, env func(string) (string, bool)) {
	for _, v := range variables {
		if value := lookup(env, v.name); value != "" {
			r.values[v.key] = setting{value, v.name, true}
		}
	}
	const secrets = "USHER_WEBHOOK_SECRET"
	if given := strings.FieldsFunc(lookup(env, secrets), isSeparator); len(given) > 0 {
		r.sources[EnvironmentSource] = nil
		for _, value := range given {
			r.sources[EnvironmentSource] = append(r.sources[EnvironmentSource], setting{value, secrets, true})
		}
	}
	if ids := strings.FieldsFunc(lookup(env, approversVariable), isSeparator); len(ids) > 0 {
		r.approvers = nil
		for _, id := range ids {
			s := setting{id, approversVariable, true}
			r.approvers = append(r.approvers, rawApprover{where: approversVariable, id: s, name: s})
		}
	}
	if id := lookup(env, homeVariable); id != "" && len(r.tenants) == 0 {
		r.tenants = []rawTenant{{where: homeVariable, alias: setting{"default", homeVariable, true}, id: setting{id, homeVariable, true}}}
	}
}

func isSeparator(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }

func lookup(env func(string) (string, bool), name string) string {
	value, _ := env(name)
	return strings.TrimSpace(value)
}
