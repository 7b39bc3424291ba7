package config

import (
	"net/url"
	"regexp"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/shared/account"
)

// ActiveDirectory says how to reach a tenant's on-premises domain. docs/hybrid.md tells
// which rights the account that signs in needs there.
type ActiveDirectory struct {
	// URL is ldaps://HOST or ldaps://HOST:PORT of one domain controller.
	URL string
	// BaseDN is the root of the domain, or the part of it that Usher works in.
	BaseDN string
	// BindName is who signs in, a distinguished name or a user principal name.
	BindName string
	Password account.Secret
	// RootsFile holds the authorities, in PEM, that the controller's certificate is checked
	// against. Empty means those of the machine.
	RootsFile string
	// StampAttribute bears our mark. Empty means adminDescription.
	StampAttribute string
}

// rawDirectory is a tenant's activeDirectory as written.
type rawDirectory struct {
	where  string
	values map[string]setting
}

// directorySettings are its settings; the first four must be given.
var directorySettings = []string{"url", "baseDN", "bindName", "password", "rootsFile", "stampAttribute", "ou"}

func (r *reader) readDirectory(to *rawDirectory) field {
	return func(at string, n *yaml.Node) {
		*to = rawDirectory{where: where(at, n), values: map[string]setting{}}
		fields := map[string]field{}
		for _, name := range directorySettings {
			fields[name] = func(at string, n *yaml.Node) {
				r.text(at, n, func(s setting) { to.values[name] = s })
			}
		}
		r.mapping(fields)(at, n)
	}
}

// distinguishedName is the form of one, as far as a slip of the pen shows: the client of
// Active Directory reads it properly.
var distinguishedName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z]+=[^,=]+(,[A-Za-z]+=[^,=]+)*$`)
})

// directories are those of the tenants that have one. Functions that sign in to none get none.
func (b *builder) directories(tenants []account.Tenant) map[account.TenantID]ActiveDirectory {
	var found map[account.TenantID]ActiveDirectory
	for i, t := range b.tenants {
		if len(t.activeDirectory.values) == 0 {
			continue
		}
		directory := b.directory(t.activeDirectory)
		if !b.uses(directoryPassword) {
			continue
		}
		if found == nil {
			found = map[account.TenantID]ActiveDirectory{}
		}
		found[tenants[i].ID] = directory
	}
	return found
}

func (b *builder) directory(d rawDirectory) ActiveDirectory {
	for _, name := range directorySettings[:4] {
		if d.values[name].value == "" {
			b.problems.add(d.where, "has no %s; give url, baseDN, bindName and password, or leave activeDirectory out", name)
		}
	}
	if s := d.values["url"]; s.value != "" {
		u, err := url.Parse(s.value)
		if err != nil || u.Scheme != "ldaps" || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" {
			b.problems.add(s.where, "must be ldaps://HOST or ldaps://HOST:PORT of one domain controller; a password is never sent without TLS")
		}
	}
	for _, name := range []string{"baseDN", "ou"} {
		if s := d.values[name]; s.value != "" && !distinguishedName().MatchString(s.value) {
			b.problems.add(s.where, "%q is not a distinguished name, such as OU=Service Accounts or DC=corp,DC=example", s.value)
		}
	}
	directory := ActiveDirectory{
		URL: d.values["url"].value, BaseDN: d.values["baseDN"].value, BindName: d.values["bindName"].value,
		RootsFile: b.beside(d.values["rootsFile"]), StampAttribute: d.values["stampAttribute"].value,
	}
	if s := d.values["password"]; s.value != "" {
		directory.Password = account.NewSecret(b.secretOf(directoryPassword, s))
	}
	return directory
}
