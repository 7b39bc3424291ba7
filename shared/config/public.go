package config

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/address"
)

// CallBackPath is where a browser ends after a consent.
const CallBackPath = "/consent/callback"

// CallBack is the whole address where a browser ends after a consent, which is the
// redirect URI of the vendors' registrations; empty without a public address.
func (c Config) CallBack() string {
	if c.PublicAddress == "" {
		return ""
	}
	return c.PublicAddress + CallBackPath
}

// rawConsents are a tenant's choices about applications, as written.
type rawConsents struct {
	method       setting
	applications map[string]setting
}

// public is where browsers reach this installation.
func (b *builder) public() string {
	public := strings.TrimRight(b.or("publicAddress", ""), "/")
	if public == "" {
		return ""
	}
	if _, err := address.Secure(public); err != nil {
		b.problems.add(b.values["publicAddress"].where, "%v (consents come back there)", err)
	}
	return public
}

// consents are a tenant's choices about applications.
func (b *builder) consents(c rawConsents) account.Consents {
	found := account.Consents{Method: account.ConsentMethod(c.method.value)}
	if found.Method != "" && !found.Method.Known() {
		b.problems.add(c.method.where, "%q is neither link nor direct", c.method.value)
	}
	if found.Method == account.ConsentLink && b.values["publicAddress"].value == "" {
		b.problems.add(c.method.where, "consent by link needs publicAddress, where the administrator's browser comes back to")
	}
	for _, profile := range slices.Sorted(maps.Keys(c.applications)) {
		id := c.applications[profile]
		if !guid().MatchString(strings.ToLower(id.value)) {
			b.problems.add(id.where, "%q is no application (client) id; the vendor tells theirs", id.value)
			continue
		}
		if found.Applications == nil {
			found.Applications = map[string]string{}
		}
		found.Applications[profile] = strings.ToLower(id.value)
	}
	return found
}

// readApplications takes application ids by profile.
func (r *reader) readApplications(to *rawConsents) field {
	return func(at string, n *yaml.Node) {
		r.each(at, n, func(profile string, value *yaml.Node) {
			r.text(join(at, profile), value, func(s setting) {
				if to.applications == nil {
					to.applications = map[string]setting{}
				}
				to.applications[profile] = s
			})
		})
	}
}
