package config

import (
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/adhocore/gronx"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/webhook"
)

// builder proves what was given and makes the Config of it.
type builder struct {
	raw
	env func(string) (string, bool)
	// dir is that of the file.
	dir string
	// serving are the functions of this process; empty means all.
	serving []string
	// fetched are the secrets that are kept elsewhere, by reference.
	fetched  map[string]fetched
	problems Problems
}

func (b *builder) build() Config {
	c := Config{
		Listen: b.listen(), Data: b.or("data", DefaultData), Profiles: b.beside(b.values["profiles"]),
		Policy: b.beside(b.values["policy"]), Approvers: b.people(),
		Webhooks: b.webhooks(), Callback: b.callback(), Mail: b.mail(), Sync: b.sync(), HandOver: b.handover(), PublicAddress: b.public(),
	}
	c.Database, c.Shared = b.database()
	c.Vault = b.vault()
	c.Cloud, c.Endpoints = b.endpoints()
	if token, given := b.values[apiToken]; given {
		c.APIToken = account.NewSecret(b.secretOf(apiToken, token))
	}
	c.ApproverTokens = b.approverTokens(c.APIToken)
	c.Tenants = b.tenantsOf(c.Cloud)
	c.Assumed = len(b.tenants) == 0 || b.tenants[0].where == homeVariable
	c.ActiveDirectory = b.directories(c.Tenants)
	c.Home = b.home(c.Tenants)
	return c
}

func (b *builder) or(key, otherwise string) string {
	if s := b.values[key]; s.value != "" {
		return s.value
	}
	return otherwise
}

// beside is a path that the file may name by its place beside it, as packages of functions
// must: nobody knows beforehand in which directory they are unpacked.
func (b *builder) beside(s setting) string {
	if s.value == "" || s.literal || filepath.IsAbs(s.value) {
		return s.value
	}
	return filepath.Join(b.dir, s.value)
}

func (b *builder) listen() string {
	address := b.or("listen", DefaultListen)
	_, port, err := net.SplitHostPort(address)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		b.problems.add(b.values["listen"].where, "%q is not HOST:PORT, such as %s", address, DefaultListen)
	}
	return address
}

func (b *builder) sync() Sync {
	s := Sync{Schedule: b.or("sync.schedule", DefaultSchedule)}
	fields := len(strings.Fields(s.Schedule))
	valid := (fields == 5 || strings.HasPrefix(s.Schedule, "@")) && gronx.IsValid(s.Schedule)
	if valid {
		_, err := s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		valid = err == nil
	}
	if !valid {
		b.problems.add(b.values["sync.schedule"].where, "%q is not a cron expression of five fields that comes due, such as %q", s.Schedule, DefaultSchedule)
	}
	return s
}

// sourceName is what a sender may be called; it is logged and stored with each request.
var sourceName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`) })

func (b *builder) webhooks() Webhooks {
	w := Webhooks{Sources: map[string][]webhook.Secret{}, Tolerance: webhook.DefaultTolerance}
	if s, given := b.values["webhooks.tolerance"]; given {
		d, err := time.ParseDuration(s.value)
		if err != nil || d < time.Second || d > 24*time.Hour {
			b.problems.add(s.where, "%q is not a time between 1s and 24h, such as 5m", s.value)
		}
		w.Tolerance = d
	}
	for _, name := range slices.Sorted(maps.Keys(b.sources)) {
		if !sourceName().MatchString(name) {
			b.problems.add("webhooks.sources", "%q is not a name of lower-case letters, digits, - and _", name)
		}
		for _, s := range b.sources[name] {
			if secrets := b.webhookSecrets(webhookSources, s); len(secrets) > 0 {
				w.Sources[name] = append(w.Sources[name], secrets...)
			}
		}
		if b.isTrue(b.approving[name]) {
			w.Approving = append(w.Approving, name)
		}
	}
	return w
}

// webhookSecrets takes one secret, or several while one is being rotated.
func (b *builder) webhookSecrets(of string, s setting) (secrets []webhook.Secret) {
	for _, text := range strings.FieldsFunc(b.secretOf(of, s), isSeparator) {
		secret, err := webhook.ParseSecret(text)
		if err != nil {
			b.problems.add(s.where, "%v", err)
			continue
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

func (b *builder) callback() Callback {
	c := Callback{URL: b.or("callback.url", "")}
	target, err := url.Parse(c.URL)
	at, secret := b.values["callback.url"], b.values[callbackSecret]
	switch {
	case c.URL == "" && secret.value != "":
		b.problems.add(secret.where, "is given without callback.url; give both or none")
	case c.URL == "":
	case err != nil || target.Host == "":
		b.problems.add(at.where, "is not a URL, such as https://HOST/PATH")
	}
	if secret.value != "" {
		if given := b.webhookSecrets(callbackSecret, secret); len(given) == 1 {
			c.Secret = given[0]
		} else if len(given) > 1 {
			b.problems.add(secret.where, "has several secrets; status events are signed with one")
		}
	}
	for _, h := range b.allowHosts {
		c.AllowHosts = append(c.AllowHosts, strings.ToLower(h.value))
	}
	c.AllowPrivate = b.flag("callback.allowPrivate")
	return c
}

func (b *builder) flag(key string) bool { return b.isTrue(b.values[key]) }

func (b *builder) isTrue(s setting) bool {
	if s.value != "" && s.value != "true" && s.value != "false" {
		b.problems.add(s.where, "must be true or false")
	}
	return s.value == "true"
}

func (b *builder) endpoints() (string, Endpoints) {
	name := b.or("cloud", Public)
	e, known := Hosts(name)
	if !known {
		b.problems.add(b.values["cloud"].where, "%q is not a cloud; use %s", name, cloudNames())
	}
	b.endpoint("endpoints.login", &e.Login)
	b.endpoint("endpoints.graph", &e.Graph)
	b.endpoint("endpoints.exchange", &e.Exchange)
	e.Graph = strings.TrimSuffix(e.Graph, "/v1.0")
	return name, e
}

func (b *builder) endpoint(key string, to *string) {
	s, given := b.values[key]
	if !given || s.value == "" {
		return
	}
	u, err := url.Parse(s.value)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		b.problems.add(s.where, "must be https://HOST or https://HOST:PORT; for a certificate of your own set SSL_CERT_FILE")
		return
	}
	if key == "endpoints.login" && strings.Trim(u.Path, "/") != "" {
		b.problems.add(s.where, "must not have a path; tenants are added to it")
	}
	*to = strings.TrimRight(s.value, "/")
}
