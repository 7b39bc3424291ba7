package policy

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Schema is the JSON Schema (2020-12) of a policy file.
//
//go:embed schema.json
var Schema string

//go:embed builtin.yaml
var builtin []byte

// fileSchema is the version of the file's form.
const fileSchema = "usher.policy/v1"

// document is a policy file. What it leaves out is as in the built-in policy; tiers
// that are given replace the built-in ones altogether.
type document struct {
	Schema               string            `yaml:"schema"`
	Tiers                *tiers            `yaml:"tiers"`
	Narrower             []narrower        `yaml:"narrower"`
	GlobalAdministrators *Limits           `yaml:"globalAdministrators"`
	Approvals            approvals         `yaml:"approvals"`
	Tenants              map[string]tenant `yaml:"tenants"`
}

// tenant is what one tenant asks for beyond the policy, by its alias.
type tenant struct {
	Tiers                tiers   `yaml:"tiers"`
	GlobalAdministrators *Limits `yaml:"globalAdministrators"`
	Approvals            struct {
		ValidDays int `yaml:"validDays"`
		// Approvers are ids of the policy's approvers; empty for all of them.
		Approvers []string `yaml:"approvers"`
	} `yaml:"approvals"`
}

type approvals struct {
	ValidDays int      `yaml:"validDays"`
	Approvers []Person `yaml:"approvers"`
}

type tiers struct {
	Automatic    tier    `yaml:"automatic"`
	OneApprover  tier    `yaml:"oneApprover"`
	TwoApprovers tier    `yaml:"twoApprovers"`
	Forbidden    listing `yaml:"forbidden"`
}

// tier is what a tier asks for beyond what its name says, and the rights in it.
type tier struct {
	EndDate bool `yaml:"endDate"`
	MaxDays int  `yaml:"maxDays"`
	Alert   bool `yaml:"alert"`
	listing `yaml:",inline"`
}

type listing struct {
	DirectoryRoles []struct {
		Name string `yaml:"name"`
		ID   string `yaml:"id"`
	} `yaml:"directoryRoles"`
	ExchangeRoleGroups []string `yaml:"exchangeRoleGroups"`
	AppPermissions     []struct {
		// Resource is a name that Usher knows or an application id.
		Resource    string   `yaml:"resource"`
		Application []string `yaml:"application"`
		Delegated   []string `yaml:"delegated"`
	} `yaml:"appPermissions"`
	Settings []string `yaml:"settings"`
}

// rights lists the rights, with resources by their id.
func (l listing) rights() (all []Right) {
	for _, r := range l.DirectoryRoles {
		all = append(all, Right{Kind: DirectoryRole, ID: r.ID, Name: r.Name})
	}
	for _, g := range l.ExchangeRoleGroups {
		all = append(all, Right{Kind: RoleGroup, Name: g})
	}
	for _, p := range l.AppPermissions {
		id, known := ResourceID(p.Resource)
		if !known {
			id = p.Resource
		}
		for _, name := range p.Application {
			all = append(all, Right{Kind: Application, ID: id, Name: name})
		}
		for _, name := range p.Delegated {
			all = append(all, Right{Kind: Delegated, ID: id, Name: name})
		}
	}
	for _, s := range l.Settings {
		all = append(all, Right{Kind: Setting, Name: s})
	}
	return all
}

// narrower offers a right in place of another of the same kind. One of the first
// three says which.
type narrower struct {
	DirectoryRole     string `yaml:"directoryRole"`
	ExchangeRoleGroup string `yaml:"exchangeRoleGroup"`
	AppPermission     string `yaml:"appPermission"`
	Offer             string `yaml:"offer"`
	// When completes the sentence "serves when …".
	When string `yaml:"when"`
}

// Builtin gives the policy that ships with Usher. It names no approvers.
func Builtin() Policy { return readBuiltin() }

// readBuiltin reads it once; nothing changes rules that were read.
var readBuiltin = sync.OnceValue(func() Policy {
	p, err := parse(builtin, Rules{}, nil)
	if err != nil {
		// The text is embedded and a test reads it.
		panic(err)
	}
	return p
})

// BuiltinText is the built-in policy as a file, to copy and change.
func BuiltinText() string { return string(builtin) }

// Parse reads a policy file. check validates the document, decoded into JSON's types,
// against Schema; nil leaves that out. Everything that is wrong is reported at once. A
// tenant's part that would allow more than the policy itself is wrong.
func Parse(text []byte, check func(doc any) error) (Policy, error) {
	return parse(text, Builtin().base, check)
}

func parse(text []byte, defaults Rules, check func(any) error) (Policy, error) {
	doc, bad, err := decode(text)
	if err != nil {
		return Policy{}, err
	}
	p, wrong := newPolicy(doc, defaults)
	if bad = append(bad, wrong...); len(bad) > 0 {
		return Policy{}, errors.Join(bad...)
	}
	if check == nil {
		return p, nil
	}
	var plain any
	if err := yaml.Unmarshal(text, &plain); err != nil {
		return Policy{}, err
	}
	if err := check(plain); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// decode reads the one document of a file. What does not fit the types is in bad, and
// the rest of the document is read all the same.
func decode(text []byte) (doc document, bad []error, err error) {
	strict := yaml.NewDecoder(bytes.NewReader(text))
	strict.KnownFields(true)
	err = strict.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return doc, nil, errors.New("the policy file is empty")
	}
	if misfit, ok := errors.AsType[*yaml.TypeError](err); ok {
		bad = append(bad, misfit)
	} else if err != nil {
		return doc, nil, err
	}
	if err := strict.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		bad = append(bad, errors.New("a file holds one policy: remove what follows '---'"))
	}
	if doc.Schema != fileSchema {
		bad = append(bad, fmt.Errorf("schema is %q: this version reads %s", doc.Schema, fileSchema))
	}
	return doc, bad, nil
}

// Policy is the rules for every tenant. The zero value forbids every right.
type Policy struct {
	base    Rules
	tenants map[string]Rules
}

// For gives the rules of a tenant, by its alias: the policy's own, unless the tenant
// has a part of its own.
func (p Policy) For(alias string) Rules {
	if own, ok := p.tenants[alias]; ok {
		return own
	}
	return p.base
}

// WithApprovers gives the policy with people who may approve in every tenant, for a
// file (or the built-in policy) that names none. Everything that is wrong is reported at once.
func (p Policy) WithApprovers(people []Person) (Policy, error) {
	var bad problems
	if len(p.base.Approvers) > 0 {
		bad.add("approvals.approvers: the policy file names approvers too: name them in one place")
	}
	bad.people(people)
	if len(bad) > 0 {
		return Policy{}, errors.Join(bad...)
	}
	p.base.Approvers = people
	p.tenants = maps.Clone(p.tenants)
	for alias, own := range p.tenants {
		own.Approvers = people
		p.tenants[alias] = own
	}
	return p, nil
}

// Tenants lists the aliases that have a part of their own, for the caller to compare
// with the tenants that are configured: a slip in an alias would tighten nothing.
func (p Policy) Tenants() []string { return slices.Sorted(maps.Keys(p.tenants)) }
