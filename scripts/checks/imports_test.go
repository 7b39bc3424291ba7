package checks

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The layers, by path. "x/..." stands for x and everything under it.
var (
	// core are the nouns and rules: the standard library and each other, nothing else.
	core = []string{"events/...", "shared/account", "shared/profile", "shared/fault", "shared/fitness", "shared/policy", "shared/lifetime", "shared/address"}
	// forFunctions is what a handler may use beside the core (docs/decisions/001).
	forFunctions = append(slices.Clone(core), "shared/step", "shared/ledger", "shared/queue", "shared/schema", "shared/webhook", "shared/consent", "shared/mail")
	// adapters translate one foreign thing each; they know nothing of one another.
	adapters = []string{
		"shared/entra", "shared/exchange", "shared/activedirectory", "shared/secrets", "shared/ticket", "shared/mail/smtp",
		"shared/secrets/secretsmanager", "shared/secrets/keyvault", "shared/handover",
		"shared/queue/sqlite", "shared/queue/servicebus", "shared/ledger/sqlite", "shared/ledger/postgres",
	}
	// wiring is where adapters and handlers are put together.
	wiring = []string{"functions/usher/...", "shared/host/...", "shared/config"}
)

// owners are the only packages that may import a module directly. A module without an
// owner must not be imported at all.
var owners = map[string][]string{
	"github.com/microsoftgraph/msgraph-sdk-go":                     {"shared/entra"},
	"github.com/microsoft/kiota":                                   {"shared/entra"},
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus": {"shared/queue/servicebus"},
	"github.com/Azure/go-amqp":                                     {"shared/queue/servicebus", "shared/servicebusfake"},
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault":      {"shared/secrets/keyvault"},
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity":             {"shared/identity", "shared/signin", "functions/usher/bootstrap"},
	"github.com/aws/aws-lambda-go":                                 {"shared/host/lambda", "scripts/sizes/hello"},
	"github.com/aws/aws-sdk-go-v2/aws":                             {"shared/identity", "shared/secrets/secretsmanager", "shared/host/lambda"},
	"github.com/aws/aws-sdk-go-v2/config":                          {"shared/identity", "shared/secrets/secretsmanager"},
	"github.com/aws/aws-sdk-go-v2/service/sts":                     {"shared/identity"},
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager":          {"shared/secrets/secretsmanager"},
	"github.com/jackc/pgx":                                         {"shared/ledger/postgres", "shared/postgrestest/server"},
	"github.com/wneessen/go-mail":                                  {"shared/mail/smtp"},
	"github.com/go-ldap/ldap":                                      {"shared/activedirectory", "shared/sambatest"},
	"github.com/golang-jwt/jwt":                                    {"shared/tenantfake", "shared/stsfake"},
	"modernc.org/sqlite":                                           {"shared/database"},
	"filippo.io/age":                                               {"shared/secrets", "shared/handover"},
	"golang.org/x/crypto/ssh":                                      {"shared/handover"},
	"github.com/santhosh-tekuri/jsonschema":                        {"shared/schema"},
	"go.yaml.in/yaml":                                              {"shared/policy", "shared/profile", "shared/config", "functions/usher"},
	"github.com/spf13/cobra":                                       {"functions/usher"},
}

// yamlDecoder is the one module the core may use.
const yamlDecoder = "go.yaml.in/yaml/v3"

func in(path string, set []string) bool {
	return slices.ContainsFunc(set, func(pattern string) bool {
		under, ok := strings.CutSuffix(pattern, "/...")
		return path == pattern || ok && (path == under || strings.HasPrefix(path, under+"/"))
	})
}

// ours reports whether an import path lies in this module.
func ours(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return slices.Contains([]string{"events", "functions", "shared", "infra", "scripts"}, first)
}

// foreign reports whether an import path lies in a third party's module.
func foreign(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return strings.Contains(first, ".")
}

// handler reports whether a path is functions/<x>, not its cmd and not usher.
func handler(importPath string) bool {
	name, ok := strings.CutPrefix(importPath, "functions/")
	return ok && name != "usher" && !strings.Contains(name, "/")
}

func isCmd(importPath string) bool {
	return strings.HasPrefix(importPath, "functions/") && path.Base(importPath) == "cmd"
}

// forTests reports whether a package serves tests only: its name ends in fake or test.
func forTests(importPath string) bool {
	return ours(importPath) && (strings.HasSuffix(importPath, "fake") || strings.HasSuffix(importPath, "test"))
}

// wires reports whether a package may put adapters and handlers together.
func wires(importPath string) bool {
	return in(importPath, wiring) || isCmd(importPath) || forTests(importPath) || strings.HasPrefix(importPath, "scripts/")
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if why := forbidden(p, imported); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, why)
			}
		}
	}
}

// forbidden says why a package must not import another; empty when it may.
func forbidden(p pkg, imported string) string {
	from := p.ImportPath
	switch {
	case in(from, core) && foreign(imported) && imported != yamlDecoder:
		return "the core uses the standard library and the YAML decoder only"
	case in(from, core) && ours(imported) && !in(imported, core):
		return "the core uses the core only"
	case handler(from) && (foreign(imported) || ours(imported) && !in(imported, forFunctions)):
		return "a handler declares an interface of its own instead"
	case strings.HasPrefix(from, "shared/") && strings.HasPrefix(imported, "functions/") && !forTests(from):
		return "shared packages know no function"
	case in(from, adapters) && in(imported, adapters):
		return "adapters do not know one another"
	case in(imported, adapters) && !wires(from):
		return "only functions/<x>/cmd and functions/usher wire adapters"
	case forTests(imported) && !forTests(from) && !in(from, []string{"functions/usher/..."}) && !strings.HasPrefix(from, "scripts/"):
		return "it is for tests and for the embedded tenant of functions/usher"
	}
	for prefix, allowed := range owners {
		if strings.HasPrefix(imported, prefix) && !in(from, allowed) {
			return "only " + strings.Join(allowed, ", ") + " may"
		}
	}
	return ""
}

const (
	graphSDK    = "github.com/microsoftgraph/msgraph-sdk-go"
	graphModels = graphSDK + "/models"
)

// graphFree are the functions that make no call to Graph, and must not carry it.
var graphFree = []string{"functions/intake/...", "functions/notify/...", "functions/console/..."}

// ofUsher is what only the process that serves everything links (docs/decisions/011).
var ofUsher = []string{"modernc.org/sqlite", "github.com/prometheus/client_golang/prometheus"}

// ldapClient is linked only by what makes, changes or deletes accounts on premises, and by tests.
const ldapClient = "github.com/go-ldap/ldap/v3"

var onPremises = []string{
	"functions/create/cmd", "functions/revoke/cmd", "functions/handover/cmd", "functions/usher/...",
	"shared/activedirectory", "shared/host/domains",
}

func TestWhatIsLinked(t *testing.T) {
	for _, p := range packages(t) {
		assert.NotContains(t, p.Deps, graphSDK, "%s links the SDK's root client, which is hundreds of packages", p.ImportPath)
		if in(p.ImportPath, graphFree) {
			assert.NotContains(t, p.Deps, graphModels, "%s makes no call to Graph", p.ImportPath)
		}
		if !in(p.ImportPath, onPremises) && !forTests(p.ImportPath) {
			assert.NotContains(t, p.Deps, ldapClient, "%s does nothing on premises", p.ImportPath)
		}
		if isCmd(p.ImportPath) {
			for _, engine := range ofUsher {
				assert.NotContains(t, p.Deps, engine, "%s handles one invocation", p.ImportPath)
			}
		}
		if handler(p.ImportPath) {
			for _, dep := range p.Deps {
				assert.False(t, in(dep, adapters), "%s links %s, though not directly", p.ImportPath, dep)
			}
		}
	}
}

func TestTheRulesCatch(t *testing.T) {
	for name, tt := range map[string]struct{ from, imported string }{
		"core with a library":         {"shared/account", "github.com/google/uuid"},
		"core with more":              {"events", "shared/step"},
		"handler with an SDK":         {"functions/create", graphModels},
		"handler with an adapter":     {"functions/create", "shared/entra"},
		"handler with a handler":      {"functions/create", "functions/revoke"},
		"shared with a function":      {"shared/step", "functions/create"},
		"adapter with an adapter":     {"shared/exchange", "shared/entra"},
		"wiring in the wrong place":   {"shared/step", "shared/entra"},
		"a fake in the product":       {"shared/entra", "shared/tenantfake"},
		"a fake in a function":        {"functions/create/cmd", "shared/tenantfake"},
		"the SDK elsewhere":           {"shared/exchange", graphModels},
		"the driver elsewhere":        {"shared/ledger/sqlite", "modernc.org/sqlite"},
		"a vault with a vault":        {"shared/secrets", "shared/secrets/keyvault"},
		"AWS in a handler's host":     {"shared/host/azurefunctions", "github.com/aws/aws-lambda-go/lambda"},
		"Service Bus where it is not": {"functions/usher", "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.NotEmpty(t, forbidden(pkg{ImportPath: tt.from}, tt.imported))
		})
	}
	for name, tt := range map[string]struct{ from, imported string }{
		"wiring":              {"functions/create/cmd", "shared/entra"},
		"the embedded tenant": {"functions/usher", "shared/tenantfake"},
		"profiles in YAML":    {"shared/profile", yamlDecoder},
		"standard library":    {"shared/account", "time"},
		"a suite on a fake":   {"shared/tenanttest", "shared/tenantfake"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, forbidden(pkg{ImportPath: tt.from}, tt.imported))
		})
	}
}
