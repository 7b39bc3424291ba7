package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds the configuration file, far above what a person writes.
const maxFile = 1 << 20

// setting is a value that was given, and where.
type setting struct {
	value, where string
	// literal is true for a secret that the environment gives itself.
	literal bool
}

// rawTenant is a tenant as written.
type rawTenant struct {
	where                          string
	alias, id, cloud               setting
	domains, protected, roleGroups []setting
	activeDirectory                rawDirectory
	passwordReferences             []setting
	delivery                       rawDelivery
	consents                       rawConsents
}

// raw is everything that was given, unproven. Single values are found by their
// dotted name, such as "callback.url".
type raw struct {
	values     map[string]setting
	sources    map[string][]setting
	allowHosts []setting
	approving  map[string]setting
	approvers  []rawApprover
	operators  []setting
	tenants    []rawTenant
}

// reader takes settings out of a YAML document and notes what is wrong, with lines.
type reader struct {
	raw
	problems Problems
}

func newReader() *reader {
	return &reader{raw: raw{values: map[string]setting{}, sources: map[string][]setting{}, approving: map[string]setting{}}}
}

// field takes one value of a mapping.
type field func(at string, n *yaml.Node)

func (r *reader) readFile(path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no configuration file %s; copy usher.example.yaml, or give no file and set the environment: %w", path, err)
	}
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	r.read(text)
	return nil
}

func (r *reader) read(text []byte) {
	if len(text) > maxFile {
		r.problems.add("the file", "has more than %d bytes; it is not a configuration", maxFile)
		return
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	err := d.Decode(&doc)
	if err == io.EOF {
		return
	}
	if err == nil && d.Decode(&yaml.Node{}) != io.EOF {
		err = errors.New("there is something after the first document")
	}
	if err != nil {
		r.problems.add("the file", "is not valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	r.mapping(r.fields())("", doc.Content[0])
}

func (r *reader) fields() map[string]field {
	return map[string]field{
		"listen": r.value, "data": r.value, "database": r.value, "databasePassword": r.value, "vault": r.value, "apiToken": r.value, "profiles": r.value, "policy": r.value, "cloud": r.value, "publicAddress": r.value,
		"webhooks":   r.mapping(map[string]field{"tolerance": r.value, "sources": r.readSources}),
		"serviceBus": r.mapping(map[string]field{"namespace": r.value, "connectionString": r.value}),
		"callback":   r.mapping(map[string]field{"url": r.value, "secret": r.value, "allowPrivate": r.value, "allowHosts": r.texts(&r.allowHosts)}),
		"mail":       r.readMail(),
		"handover":   r.mapping(map[string]field{"address": r.value, "life": r.value}),
		"sync":       r.mapping(map[string]field{"schedule": r.value}),
		"endpoints":  r.mapping(map[string]field{"login": r.value, "graph": r.value, "exchange": r.value}),
		"approvals":  r.mapping(map[string]field{"approvers": r.list(r.readApprover)}),
		"tenants":    r.list(r.readTenant),
	}
}

// mapping hands each known key to its field and refuses the others.
func (r *reader) mapping(fields map[string]field) field {
	return func(at string, n *yaml.Node) {
		r.each(at, n, func(key string, value *yaml.Node) {
			read, known := fields[key]
			if !known {
				r.problems.add(where(join(at, key), value), "is not known; the settings here are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
				return
			}
			read(join(at, key), value)
		})
	}
}

// each goes through the keys of a mapping. A setting without a value, such as one
// whose lines are all commented out, counts as not given.
func (r *reader) each(at string, n *yaml.Node, do func(key string, value *yaml.Node)) {
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.problems.add(where(at, n), "must hold settings, each KEY: VALUE")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if seen[key] {
			r.problems.add(where(join(at, key), n.Content[i]), "is given twice")
			continue
		}
		seen[key] = true
		do(key, value)
	}
}

// list hands each entry of a list to a field.
func (r *reader) list(entry field) field {
	return func(at string, n *yaml.Node) {
		if n.Tag == "!!null" {
			return
		}
		if n.Kind != yaml.SequenceNode {
			r.problems.add(where(at, n), "must be a list, each entry on a line beginning with -")
			return
		}
		for i, item := range n.Content {
			if item.Kind == yaml.AliasNode {
				item = item.Alias
			}
			entry(fmt.Sprintf("%s[%d]", at, i), item)
		}
	}
}

func (r *reader) value(at string, n *yaml.Node) {
	r.text(at, n, func(s setting) { r.values[at] = s })
}

func (r *reader) text(at string, n *yaml.Node, take func(setting)) {
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.ScalarNode {
		r.problems.add(where(at, n), "must be a single value")
		return
	}
	take(setting{value: strings.TrimSpace(n.Value), where: where(at, n)})
}

func (r *reader) one(to *setting) field {
	return func(at string, n *yaml.Node) { r.text(at, n, func(s setting) { *to = s }) }
}

func (r *reader) texts(to *[]setting) field {
	return r.list(func(at string, n *yaml.Node) { r.text(at, n, func(s setting) { *to = append(*to, s) }) })
}

func (r *reader) readSources(at string, n *yaml.Node) {
	r.each(at, n, func(name string, value *yaml.Node) {
		var secrets []setting
		read := func(at string, n *yaml.Node) {
			if n.Kind == yaml.ScalarNode {
				r.text(at, n, func(s setting) { secrets = append(secrets, s) })
				return
			}
			r.texts(&secrets)(at, n)
		}
		if value.Kind == yaml.MappingNode {
			r.mapping(map[string]field{"secrets": read, "approves": func(at string, n *yaml.Node) {
				r.text(at, n, func(s setting) { r.approving[name] = s })
			}})(join(at, name), value)
		} else {
			read(join(at, name), value)
		}
		if len(secrets) == 0 {
			r.problems.add(where(join(at, name), value), "has no secret; %s", byReference)
		}
		r.sources[name] = secrets
	})
}

func (r *reader) readTenant(at string, n *yaml.Node) {
	t := rawTenant{where: where(at, n)}
	r.mapping(map[string]field{
		"alias": r.one(&t.alias), "id": r.one(&t.id), "cloud": r.one(&t.cloud),
		"domains": r.texts(&t.domains), "protected": r.texts(&t.protected), "roleGroups": r.texts(&t.roleGroups),
		"activeDirectory":    r.readDirectory(&t.activeDirectory),
		"passwordReferences": r.texts(&t.passwordReferences),
		"consent":            r.one(&t.consents.method), "applications": r.readApplications(&t.consents),
		"delivery": r.mapping(map[string]field{"method": r.one(&t.delivery.method), "recipients": r.texts(&t.delivery.recipients)}),
	})(at, n)
	r.tenants = append(r.tenants, t)
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

func where(at string, n *yaml.Node) string {
	if at == "" {
		at = "the file"
	}
	return fmt.Sprintf("%s (line %d)", at, n.Line)
}
