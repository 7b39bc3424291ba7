// Package schema checks JSON documents against JSON Schema (draft 2020-12) and says
// what is wrong in words for the person who wrote the document.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a compiled schema; safe for concurrent use.
type Schema struct {
	name     string
	compiled *jsonschema.Schema
}

// Compile reads a schema. The name appears in errors. Formats (date-time, email,
// uuid and the others) are asserted. A $ref may lead to a place in the same text
// only: nothing is loaded from files or the network.
func Compile(name string, text []byte) (*Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(closed{})
	const place = "schema:///self"
	if err := c.AddResource(place, doc); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	compiled, err := c.Compile(place)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	return &Schema{name: name, compiled: compiled}, nil
}

// closed is the loader of a schema that must stand alone.
type closed struct{}

// Load refuses every reference to the outside.
func (closed) Load(url string) (any, error) {
	return nil, fmt.Errorf("a schema must stand alone, but it refers to %s", url)
}

// Problems is what is wrong with a document: sentences of the form "at /path: what
// is wrong", sorted, at most ten and a count of the rest. No sentence repeats a value
// of the document, which could be a secret in the wrong place.
type Problems []string

// Error joins the sentences.
func (p Problems) Error() string { return strings.Join(p, "; ") }

// Check tells what is wrong with a JSON text: Problems, or nil. Beside the schema it
// refuses what another reader of the same text could understand differently: names
// given twice, invalid UTF-8, and numbers out of range.
func (s *Schema) Check(doc []byte) error {
	value, problems := decode(doc)
	if problems != nil {
		return problems
	}
	err := s.compiled.Validate(value)
	if failed, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return problemsOf(failed)
	}
	if err != nil {
		return fmt.Errorf("check against schema %s: %w", s.name, err)
	}
	return nil
}

// CheckValue is Check for a value that encoding/json can write, such as a decoded
// YAML document.
func (s *Schema) CheckValue(v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return Problems{"the document cannot be written as JSON: " + err.Error()}
	}
	return s.Check(doc)
}
