package profile

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/shared/account"
)

//go:embed profiles/*.yaml
var builtin embed.FS

// Schema is the JSON Schema (2020-12) of a profile.
//
//go:embed schema.json
var Schema string

// Builtin gives the profiles that ship with Usher.
func Builtin() fs.FS {
	files, err := fs.Sub(builtin, "profiles")
	if err != nil {
		// The name is a constant and the folder is embedded.
		panic(err)
	}
	return files
}

// Catalogue is a set of profiles by name.
type Catalogue struct {
	profiles map[string]Profile
	// files says where each profile was found, for people.
	files map[string]string
}

// Load reads every *.yaml and *.yml file at the top of fsys. check validates one
// document, decoded into JSON's types, against Schema; nil leaves that out. Every
// bad file is reported, with its name and, where it can be told, the line.
func Load(fsys fs.FS, check func(doc any) error) (*Catalogue, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("list the profiles: %w", err)
	}
	c := &Catalogue{profiles: map[string]Profile{}, files: map[string]string{}}
	var bad []error
	for _, e := range entries {
		if e.IsDir() || !isYAML(e.Name()) {
			continue
		}
		if err := c.load(fsys, e.Name(), check); err != nil {
			bad = append(bad, err)
		}
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return c, nil
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

func (c *Catalogue) load(fsys fs.FS, file string, check func(any) error) error {
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return fmt.Errorf("read profile: %w", err)
	}
	p, err := parse(text, check)
	if err != nil {
		return fmt.Errorf("profile %s: %w", file, err)
	}
	return c.add(p, file)
}

func (c *Catalogue) add(p Profile, file string) error {
	if first, taken := c.files[p.Name]; taken {
		return fmt.Errorf("profile %q is given twice, in %s and in %s: rename one of them", p.Name, first, file)
	}
	c.profiles[p.Name], c.files[p.Name] = p, file
	return nil
}

// With gives a catalogue of both. A name that is in both is refused with the two
// file names. origin is put before the file names of more, for people: its directory.
func (c *Catalogue) With(more *Catalogue, origin string) (*Catalogue, error) {
	both := &Catalogue{profiles: maps.Clone(c.profiles), files: maps.Clone(c.files)}
	var bad []error
	for _, name := range more.Names() {
		bad = append(bad, both.add(more.profiles[name], strings.TrimSuffix(origin, "/")+"/"+more.files[name]))
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return both, nil
}

// Names lists the profiles in alphabetical order.
func (c *Catalogue) Names() []string { return slices.Sorted(maps.Keys(c.profiles)) }

// Get finds a profile by its exact name.
func (c *Catalogue) Get(name string) (Profile, bool) {
	p, ok := c.profiles[name]
	return p, ok
}

// List gives every profile, by name.
func (c *Catalogue) List() []Profile {
	list := make([]Profile, 0, len(c.profiles))
	for _, name := range c.Names() {
		list = append(list, c.profiles[name])
	}
	return list
}

// parse reads one document. The strict decoder comes first: it knows lines.
func parse(text []byte, check func(any) error) (Profile, error) {
	var p Profile
	strict := yaml.NewDecoder(bytes.NewReader(text))
	strict.KnownFields(true)
	if err := strict.Decode(&p); errors.Is(err, io.EOF) {
		return p, errors.New("the file is empty")
	} else if err != nil {
		return p, err
	}
	if err := strict.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return p, errors.New("a file holds one profile: split it at '---'")
	}
	if check != nil {
		var doc any
		if err := yaml.Unmarshal(text, &doc); err != nil {
			return p, err
		}
		if err := check(doc); err != nil {
			return p, err
		}
	}
	if p.OnFailure == "" {
		p.OnFailure = account.Compensate
	}
	return p, p.validate()
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// validate checks what the strict decoder cannot see.
func (p Profile) validate() error {
	var bad []error
	if !nameForm.MatchString(p.Name) {
		bad = append(bad, fmt.Errorf("name %q: use lower-case letters, digits and dashes", p.Name))
	}
	if p.OnFailure != account.Compensate && p.OnFailure != account.ParkOnFailure {
		bad = append(bad, fmt.Errorf("onFailure %q: use compensate or park", p.OnFailure))
	}
	for _, m := range p.Account.Modes {
		if m != Create && m != Existing && m != Synced && m != Connected {
			bad = append(bad, fmt.Errorf("account mode %q: use create, existing, synced or application", m))
		}
	}
	if p.Lifetime.Days < 0 {
		bad = append(bad, fmt.Errorf("lifetime.days is %d: use 0 for no end", p.Lifetime.Days))
	}
	if p.Access.MaxTargets < 0 {
		bad = append(bad, fmt.Errorf("access.maxTargets is %d: use 0 for %d", p.Access.MaxTargets, account.MaxTargets))
	}
	if p.Lifetime.ReviewDays < 0 {
		bad = append(bad, fmt.Errorf("lifetime.reviewDays is %d: use 0 for no review", p.Lifetime.ReviewDays))
	}
	if p.Lifetime.GraceDays < 0 {
		bad = append(bad, fmt.Errorf("lifetime.graceDays is %d: use 0 to delete at once", p.Lifetime.GraceDays))
	}
	for name := range p.Account.ActiveDirectory.Attributes {
		if account.ReservedOnPremises(name) {
			bad = append(bad, fmt.Errorf("account.activeDirectory.attributes: a profile cannot set %s", name))
		}
	}
	if len(p.Delivery.Recipients) > 0 && p.Delivery.Method != account.DeliverByAge {
		bad = append(bad, fmt.Errorf("delivery.recipients goes with method age, not with %s", p.Delivery.Method))
	}
	bad = append(append(bad, p.Fitness.validate()), p.validateConsents()...)
	return errors.Join(append(bad, p.validateRoles()...)...)
}

func (p Profile) validateRoles() (bad []error) {
	named := slices.Clone(p.Access.DirectoryRoles)
	if p.Access.ReadOnly != nil {
		named = append(named, p.Access.ReadOnly.DirectoryRoles...)
	}
	for _, r := range named {
		if id, name, ok := Role(r.ID); !ok || name != r.Name {
			bad = append(bad, fmt.Errorf("directory role %q with id %q: Usher knows no such pair (the id means %q %s)", r.Name, r.ID, name, id))
		}
	}
	for _, r := range p.Approval.Roles {
		if _, _, ok := Role(r); !ok {
			bad = append(bad, fmt.Errorf("approval for directory role %q: Usher knows no such role", r))
		}
	}
	return bad
}
