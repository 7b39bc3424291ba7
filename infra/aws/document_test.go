package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// document is a CloudFormation template.
type document struct {
	Parameters map[string]struct {
		Type           string
		Default        any
		NoEcho         any
		AllowedPattern string
	}
	Conditions map[string]any
	Resources  map[string]resource
}

type resource struct {
	Type       string
	Properties map[string]any
}

// each lists the resources of a type, by name.
func (d document) each(kind string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(d.Resources)) {
		if d.Resources[name].Type == kind {
			names = append(names, name)
		}
	}
	return names
}

// at follows keys into maps; nil when there is nothing.
func at(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

func (r resource) at(keys ...string) any { return at(r.Properties, keys...) }

// values gives everything a value may be: both ways of an If, the elements of a list,
// and AWS::NoValue as nothing.
func values(v any) (all []any) {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		for _, e := range v {
			all = append(all, values(e)...)
		}
		return all
	case map[string]any:
		if choice, ok := v["Fn::If"].([]any); ok && len(choice) == 3 {
			return append(values(choice[1]), values(choice[2])...)
		}
		if v["Ref"] == "AWS::NoValue" {
			return nil
		}
	}
	return []any{v}
}

// texts gives everything a value may be as text, references as ${Name} or ${Name.Attribute}.
func (d document) texts(v any) (all []string) {
	for _, v := range values(v) {
		all = append(all, d.text(v))
	}
	return all
}

// text writes one value; the default of a parameter stands for it where it has one.
func (d document) text(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Sprint(v)
	}
	if name, ok := m["Ref"].(string); ok {
		if p, ok := d.Parameters[name]; ok && p.Default != nil && p.Default != "" {
			return fmt.Sprint(p.Default)
		}
		return "${" + name + "}"
	}
	if text, ok := m["Fn::Sub"].(string); ok {
		return text
	}
	if path, ok := m["Fn::GetAtt"].([]any); ok {
		return "${" + strings.Join(d.texts(path), ".") + "}"
	}
	return fmt.Sprint(m)
}

// one is the text of a value that has no choice in it; empty when there is none.
func (d document) one(v any) string {
	if all := d.texts(v); len(all) == 1 {
		return all[0]
	}
	return ""
}

// number is a value that JSON has as a number; -1 when it is none.
func number(v any) float64 {
	if n, ok := v.(float64); ok {
		return n
	}
	return -1
}

// complaints are what the rules have against the template.
func (d document) complaints() (all []string) {
	for _, rule := range []func(document) []string{
		everyFolderIsAFunction, functionsAreMadeAlike, environmentsHoldNoSecret, rolesAreLeast, noStars, secretsAreNamed, networksReachTheDomain, conditionsMeanWhatTheySay,
		schedulesMeanWhatIsWritten, nothingIsLostSilently, logsEnd, routesAreThrottled, alarmsAreHeard,
	} {
		all = append(all, rule(d)...)
	}
	return all
}
