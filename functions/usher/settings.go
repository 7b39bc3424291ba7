package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/usher365/usher/functions/usher/app"
	"github.com/usher365/usher/functions/usher/embedded"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/parts"
	"github.com/usher365/usher/shared/host/references"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/telemetry/metrics"
	"github.com/usher365/usher/shared/webhook"
)

// quickReplication is how long the embedded tenant's Exchange takes, so that a look
// at Usher does not last half an hour.
const quickReplication = 20 * time.Second

// The kinds of tenant that --tenant takes.
const (
	tenantEmbedded = "embedded"
	tenantReal     = "real"
)

// settings are what a command runs with: the configuration, and the tenant that comes
// along when no other is configured.
type settings struct {
	config.Config
	env      lookup
	embedded *embedded.Tenant
}

// preparing stands for the functions of commands that serve none: they need no function's
// secrets, which need not be there yet.
const preparing = "none"

// load reads the configuration, with the secrets of the functions that are served (none
// named: of all), and lets the flags replace what it says.
func (p *program) load(serving ...string) (config.Config, error) {
	path := p.configFile
	if path == "" {
		path, _ = p.env("USHER_CONFIG")
	}
	c, err := config.Load(path, p.env, references.New(references.Options{Env: p.env}), serving...)
	if p.dataDir != "" {
		c.Data = p.dataDir
	}
	if p.profilesDir != "" {
		c.Profiles = p.profilesDir
	}
	return c, err
}

func (p *program) catalogue() (*profile.Catalogue, error) {
	c, err := p.load(preparing)
	if err != nil {
		return nil, err
	}
	return parts.Profiles(c.Profiles)
}

// settings decides which tenant is meant; kind is embedded, real, or empty for real when
// one is configured. The embedded tenant is opened with its state in the data directory.
func (p *program) settings(kind string, o embedded.Options, serving ...string) (*settings, error) {
	c, err := p.load(serving...)
	if err != nil {
		return nil, err
	}
	s := &settings{Config: c, env: p.env}
	switch {
	case kind == tenantReal, kind == "" && len(c.Tenants) > 0:
		return s, nil
	case kind != "" && kind != tenantEmbedded:
		return nil, failed(exitUsage, "", "--tenant is %s or %s, not %q", tenantEmbedded, tenantReal, kind)
	}
	o.Dir, o.CallBack = c.Data, c.CallBack()
	if o.Replication == 0 {
		o.Replication = quickReplication
	}
	return s, s.embed(o)
}

// embed opens the embedded tenant and makes the settings point at it, with those of the
// configuration's entry for it.
func (s *settings) embed(o embedded.Options) error {
	as, err := embedded.Configured(s.Config)
	if err != nil {
		return err
	}
	if s.embedded, err = embedded.Open(o); err != nil {
		return err
	}
	given := map[string]string{}
	for _, v := range s.embedded.Environment() {
		given[v.Name] = v.Value
	}
	outer := s.env
	s.env = func(name string) (string, bool) {
		if value, ok := given[name]; ok {
			return value, true
		}
		if strings.HasPrefix(name, "AZURE_") {
			return "", false
		}
		return outer(name)
	}
	hosts, _ := config.Hosts(config.Public)
	hosts.Login, hosts.Graph, hosts.Exchange = s.embedded.URL, s.embedded.URL, s.embedded.URL
	s.Cloud, s.Endpoints = config.Public, hosts
	s.Tenants, s.ActiveDirectory = []account.Tenant{as}, nil
	if s.Policy == "" && len(s.Approvers) == 0 {
		s.Approvers = embeddedApprovers
	}
	return s.invent()
}

// embeddedApprovers may approve in the embedded tenant, where nobody else is configured.
var embeddedApprovers = []policy.Person{
	{ID: "boss@contoso.com", Name: "Bea Boss"}, {ID: "security@contoso.com", Name: "Sven Security"},
}

// The files that keep what was made up for the embedded tenant.
const (
	webhookSecretFile = "webhook.secret"
	apiTokenFile      = "api.token"
)

// invent makes up the secrets that are not configured, for the embedded tenant only:
// it must run without any settings. They are the same at the next start.
func (s *settings) invent() error {
	if len(s.Webhooks.Sources) == 0 {
		secret, err := s.kept(webhookSecretFile, func() (string, error) {
			made, err := webhook.NewSecret(nil)
			return made.Reveal(), err
		})
		if err != nil {
			return err
		}
		parsed, err := webhook.ParseSecret(secret)
		if err != nil {
			return fmt.Errorf("read %s: %w", webhookSecretFile, err)
		}
		s.Webhooks.Sources = map[string][]webhook.Secret{config.EnvironmentSource: {parsed}}
	}
	if s.APIToken.IsZero() {
		token, err := s.kept(apiTokenFile, newToken)
		if err != nil {
			return err
		}
		s.APIToken = account.NewSecret(token)
	}
	return nil
}

func newToken() (string, error) {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:]), nil
}

// kept reads a secret from its file, or makes it and the file.
func (s *settings) kept(name string, make func() (string, error)) (string, error) {
	path := filepath.Join(s.Data, name)
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the made-up secret: %w", err)
	}
	made, err := make()
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(made+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the made-up secret: %w", err)
	}
	return made, nil
}

// close ends the embedded tenant.
func (s *settings) close() error {
	if s.embedded == nil {
		return nil
	}
	return s.embedded.Close()
}

// signIn says how we sign in; empty for the embedded tenant, and where the environment
// names no way, which shows when it is tried.
func (s *settings) signIn() identity.Method {
	source, err := identity.New(identity.Options{Env: s.env, AuthorityHost: s.Endpoints.Login})
	if err != nil || s.embedded != nil {
		return ""
	}
	return source.Method()
}

// signInAs gives what signs in, and what is known about it: nothing where the environment
// names no way, which shows when it is tried.
func signInAs(o identity.Options) (func(account.TenantID) (azcore.TokenCredential, error), *identity.Source) {
	source, err := identity.New(o)
	if err != nil {
		return identity.Credentials(o), nil
	}
	return source.Fresh, source
}

// open makes the application of these settings.
func (s *settings) open(ctx context.Context, o app.Options) (*app.App, error) {
	o.Engines.Config = s.Config
	o.ClientID, _ = s.env("AZURE_CLIENT_ID")
	o.Env = s.env
	if s.embedded != nil {
		o.Transport, o.OnPremises = s.embedded.Client().Transport, s.embedded.Directory
	}
	o.SignIn = s.signIn()
	o.Metrics = metrics.New(time.Now)
	as := identity.Options{Env: s.env, AuthorityHost: s.Endpoints.Login, Transport: o.Metrics.Count(metrics.ServiceLogin, o.Transport)}
	o.Engines.Credential, o.Own.Main = signInAs(as)
	as.ForConsents = true
	o.Engines.Consents, o.Own.Consents = signInAs(as)
	return app.New(ctx, o)
}
