// Package config reads Usher's settings from one YAML file and the environment,
// refuses everything that is wrong at once and by name, and needs no file where the
// environment says enough. Secrets are given by reference, never in the file.
package config

import (
	"path/filepath"
	"time"

	"github.com/adhocore/gronx"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/webhook"
)

// The defaults of settings that are not given.
const (
	DefaultListen   = "127.0.0.1:8080"
	DefaultData     = "./usher-data"
	DefaultSchedule = "0 2 * * *"
)

// EnvironmentSource is the name of the webhook source of USHER_WEBHOOK_SECRET.
const EnvironmentSource = "default"

// Config is what Usher runs with. usher.example.yaml documents each setting.
type Config struct {
	// Listen is the address of the HTTP server, HOST:PORT.
	Listen string
	// Data is the directory of everything Usher keeps.
	Data string
	// Database is the path of the SQLite file; empty means usher.db in Data. See DatabasePath.
	Database string
	// Vault is where passwords are sealed, as it was given; empty means a directory in Data. See VaultAddress.
	Vault string
	// Shared are the engines of several processes; zero means the embedded one of a single process.
	Shared Shared
	// APIToken opens the API for machines; zero when none is given.
	APIToken account.Secret
	Webhooks Webhooks
	Callback Callback
	Mail     Mail
	Sync     Sync
	HandOver HandOver
	// PublicAddress is where browsers reach this installation, https and without a slash
	// at the end; empty where they do not. See CallBack.
	PublicAddress string
	// Profiles is a directory with more profiles; empty when there is none.
	Profiles string
	// Policy is the policy file; empty means the built-in policy.
	Policy string
	// Approvers may approve requests, where Policy names nobody.
	Approvers []policy.Person
	// ApproverTokens are the approvers' own; each differs from all others and from APIToken.
	ApproverTokens []ApproverToken
	// Cloud is public, usgov, usgov-dod or china.
	Cloud string
	// Endpoints are those of Cloud, with what was set in their place.
	Endpoints Endpoints
	Tenants   []account.Tenant
	// Assumed says that Tenants are not written down: the one in it, if any, is that of AZURE_TENANT_ID.
	Assumed bool
	// ActiveDirectory says how to reach the on-premises domains of the tenants that have one;
	// empty in processes that serve none of the functions which sign in there.
	ActiveDirectory map[account.TenantID]ActiveDirectory
	// Home is the tenant of our application and of the Service Bus namespace: that of
	// AZURE_TENANT_ID, else the first of Tenants; empty when there is neither.
	Home account.TenantID
}

// Shared says which ledger and queue several processes share: a PostgreSQL database and
// an Azure Service Bus namespace, always both.
type Shared struct {
	// Database is the URL of the database, with its password.
	Database account.Secret
	// Namespace is the host of the namespace, for Usher's own identity; or
	// ConnectionString opens it, for development.
	Namespace        string
	ConnectionString account.Secret
}

// Given reports whether the shared engines are configured.
func (s Shared) Given() bool { return !s.Database.IsZero() }

// Webhooks says who may send requests.
type Webhooks struct {
	// Sources are the secrets of each sender, several while one is being rotated.
	Sources map[string][]webhook.Secret
	// Approving are the sources whose documents may approve requests.
	Approving []string
	// Tolerance is how far a message's timestamp may be from our clock; never zero.
	Tolerance time.Duration
}

// Callback says where status events go; an empty URL means into the log. Whoever sends them
// needs the Secret too; others only know that there is somebody to tell.
type Callback struct {
	URL    string
	Secret webhook.Secret
	// AllowHosts are the hosts URL may name; empty allows the one it names.
	AllowHosts []string
	// AllowPrivate allows addresses of private networks.
	AllowPrivate bool
}

// Sync says when the nightly comparison runs.
type Sync struct {
	// Schedule is a cron expression of five fields, or @daily and the like; in UTC.
	Schedule string
}

// Next gives the first time after the given one at which the sync runs, in UTC.
func (s Sync) Next(after time.Time) (time.Time, error) {
	return gronx.NextTickAfter(s.Schedule, after.UTC(), false)
}

// DatabasePath is where the SQLite file lies.
func (c Config) DatabasePath() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, "usher.db")
}

// VaultAddress is where passwords are sealed: file:DIR, aws-secretsmanager:PREFIX or
// azure-keyvault:https://NAME.vault.azure.net.
func (c Config) VaultAddress() string {
	if c.Vault != "" {
		return c.Vault
	}
	return inDirectory + filepath.Join(c.Data, "vault")
}

// Need is a setting that not every command asks for.
type Need int

// What a command may need.
const (
	NeedWebhook Need = iota
	NeedAPIToken
	NeedTenants
	// NeedVault is for who seals passwords: several processes need one vault.
	NeedVault
)

// Check tells which of the needed settings are missing, all at once: Problems or nil.
func (c Config) Check(needs ...Need) error {
	var found Problems
	for _, need := range needs {
		switch need {
		case NeedWebhook:
			if _, err := webhook.NewVerifier(c.Webhooks.Sources, c.Webhooks.Tolerance, time.Now); err != nil {
				found.add("USHER_WEBHOOK_SECRET (or webhooks.sources)", `%v; make a secret with: echo "whsec_$(openssl rand -base64 32)"`, err)
			}
		case NeedAPIToken:
			if c.APIToken.IsZero() {
				found.add("USHER_API_TOKEN (or apiToken)", "is missing; make one with: openssl rand -hex 32")
			}
		case NeedTenants:
			if len(c.Tenants) == 0 {
				found.add("AZURE_TENANT_ID (or tenants)", "is missing; give the tenant id from the Entra admin centre, Overview")
			}
		case NeedVault:
			if c.Shared.Given() && c.Vault == "" {
				found.add("USHER_VAULT (or vault)", "is missing; several processes need one vault: file:/DIR for those of one machine, else aws-secretsmanager:PREFIX or azure-keyvault:https://NAME.vault.azure.net")
			}
		}
	}
	return found.err()
}
