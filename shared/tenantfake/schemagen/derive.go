package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// table is the output: types and enumerations by name, without their namespace.
type table struct {
	Types map[string]typ      `json:"types"`
	Enums map[string][]string `json:"enums"`
}

type typ struct {
	Base string `json:"base,omitempty"`
	// Open types take any further property.
	Open bool `json:"open,omitempty"`
	// Props and Navigation map property names to types: "Edm.String", "user", "[]assignedLicense"; a trailing ! means never null.
	Props      map[string]string `json:"props"`
	Navigation map[string]string `json:"navigation,omitempty"`
}

type document struct {
	Schemas []struct {
		Namespace string      `xml:"Namespace,attr"`
		Entities  []xmlType   `xml:"EntityType"`
		Complex   []xmlType   `xml:"ComplexType"`
		Enums     []xmlEnum   `xml:"EnumType"`
		Actions   []xmlAction `xml:"Action"`
	} `xml:"DataServices>Schema"`
}

type xmlType struct {
	Name       string    `xml:"Name,attr"`
	Base       string    `xml:"BaseType,attr"`
	Open       bool      `xml:"OpenType,attr"`
	Props      []xmlProp `xml:"Property"`
	Navigation []xmlProp `xml:"NavigationProperty"`
}

type xmlProp struct {
	Name string `xml:"Name,attr"`
	Type string `xml:"Type,attr"`
	// Nullable is "false" for properties that always have a value.
	Nullable string `xml:"Nullable,attr"`
}

type xmlAction struct {
	Name       string    `xml:"Name,attr"`
	Parameters []xmlProp `xml:"Parameter"`
}

type xmlEnum struct {
	Name    string `xml:"Name,attr"`
	Members []struct {
		Name string `xml:"Name,attr"`
	} `xml:"Member"`
}

// derive reads a schema and keeps the wanted types, their ancestors, and the types of their properties. Types that only a navigation
// property leads to are named but not kept.
func derive(r io.Reader, wanted []string) (*table, error) {
	var doc document
	if err := xml.NewDecoder(r).Decode(&doc); err != nil {
		return nil, fmt.Errorf("decode schema: %w", err)
	}
	types, enums := map[string]xmlType{}, map[string]xmlEnum{}
	for _, s := range doc.Schemas {
		if s.Namespace != "microsoft.graph" {
			continue
		}
		for _, t := range append(s.Entities, s.Complex...) {
			types[t.Name] = t
		}
		for _, e := range s.Enums {
			enums[e.Name] = e
		}
		for _, a := range s.Actions {
			if t, ok := parameters(a); ok {
				types[t.Name] = t
			}
		}
	}
	if len(types) == 0 {
		return nil, errors.New("no types in namespace microsoft.graph")
	}
	return keep(types, enums, wanted)
}

func keep(types map[string]xmlType, enums map[string]xmlEnum, queue []string) (*table, error) {
	out := &table{Types: map[string]typ{}, Enums: map[string][]string{}}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if _, done := out.Types[name]; done || strings.Contains(name, ".") {
			continue
		}
		if e, ok := enums[name]; ok {
			out.Enums[name] = members(e)
			continue
		}
		t, ok := types[name]
		if !ok {
			return nil, fmt.Errorf("no type %q", name)
		}
		kept := typ{Base: local(t.Base), Open: t.Open, Props: properties(t.Props), Navigation: properties(t.Navigation)}
		out.Types[name] = kept
		if kept.Base != "" {
			queue = append(queue, kept.Base)
		}
		for _, p := range kept.Props {
			queue = append(queue, strings.Trim(p, "[]!"))
		}
	}
	return out, nil
}

func properties(props []xmlProp) map[string]string {
	out := map[string]string{}
	for _, p := range props {
		name := local(p.Type)
		if p.Nullable == "false" && !strings.HasPrefix(name, "[]") {
			name += "!"
		}
		out[p.Name] = name
	}
	return out
}

// parameters turns an action of a directory object into the type of its request body.
func parameters(a xmlAction) (xmlType, bool) {
	if len(a.Parameters) == 0 || local(a.Parameters[0].Type) != "directoryObject" {
		return xmlType{}, false
	}
	return xmlType{Name: a.Name, Props: a.Parameters[1:]}, true
}

// local shortens Collection(graph.user) to []user; Edm types keep their prefix.
func local(name string) string {
	if inner, ok := strings.CutPrefix(name, "Collection("); ok {
		return "[]" + local(strings.TrimSuffix(inner, ")"))
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, "graph."), "microsoft.graph.")
}

func members(e xmlEnum) []string {
	out := make([]string, 0, len(e.Members))
	for _, m := range e.Members {
		out = append(out, m.Name)
	}
	return out
}
