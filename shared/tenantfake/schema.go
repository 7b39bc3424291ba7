package tenantfake

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

//go:generate go run ./schemagen schema.json

//go:embed schema.json
var schemaJSON []byte

// schema is Microsoft's schema of the types used here.
var schema = loadSchema(schemaJSON)

type schemaTable struct {
	Types map[string]*schemaType `json:"types"`
	Enums map[string][]string    `json:"enums"`
}

type schemaType struct {
	Base       string            `json:"base"`
	Open       bool              `json:"open"`
	Props      map[string]string `json:"props"`
	Navigation map[string]string `json:"navigation"`
}

// schemaProp is a property found in a type or its ancestors.
type schemaProp struct {
	Type                             string // without the collection
	Collection, Navigation, Required bool
}

func loadSchema(raw []byte) *schemaTable {
	t := &schemaTable{}
	if err := json.Unmarshal(raw, t); err != nil {
		panic(fmt.Errorf("tenantfake: schema.json: %w", err))
	}
	return t
}

// property looks a property up in a type and its ancestors.
func (t *schemaTable) property(typeName, prop string) (schemaProp, bool) {
	for typ := t.Types[typeName]; typ != nil; typ = t.Types[typ.Base] {
		name, ok := typ.Props[prop]
		nav := false
		if !ok {
			name, ok = typ.Navigation[prop]
			nav = ok
		}
		if ok {
			name, required := strings.CutSuffix(name, "!")
			inner, collection := strings.CutPrefix(name, "[]")
			return schemaProp{Type: inner, Collection: collection, Navigation: nav, Required: required}, true
		}
	}
	return schemaProp{}, false
}

// check compares a JSON object with a type and returns what does not fit: unknown properties and wrong value types. Annotations are names
// with an @; removed items of a delta are objects like others.
func (t *schemaTable) check(typeName, at string, object map[string]any) []string {
	if name, ok := object["@odata.type"].(string); ok {
		if n := strings.TrimPrefix(name, "#microsoft.graph."); t.Types[n] != nil {
			typeName = n
		}
	}
	if t.Types[typeName] == nil {
		return []string{fmt.Sprintf("%s: no type %q in the schema", at, typeName)}
	}
	var bad []string
	for _, name := range sortedKeys(object) {
		if strings.Contains(name, "@") {
			continue
		}
		p, ok := t.property(typeName, name)
		where := at + "." + name
		if !ok {
			if !t.extension(typeName, name) {
				bad = append(bad, fmt.Sprintf("%s: %s has no such property", where, typeName))
			}
			continue
		}
		bad = append(bad, t.checkProp(p, where, object[name])...)
	}
	return bad
}

// extension reports whether name is a directory extension, which an open type may carry.
func (t *schemaTable) extension(typeName, name string) bool {
	return t.Types[typeName].Open && strings.HasPrefix(name, "extension_")
}

func (t *schemaTable) checkProp(p schemaProp, at string, v any) []string {
	if v == nil && p.Required {
		return []string{at + ": null is not allowed"}
	}
	if v == nil {
		return nil
	}
	if !p.Collection {
		return t.checkValue(p.Type, at, v)
	}
	items, ok := v.([]any)
	if !ok {
		return []string{at + ": want an array of " + p.Type}
	}
	var bad []string
	for i, item := range items {
		bad = append(bad, t.checkValue(p.Type, fmt.Sprintf("%s[%d]", at, i), item)...)
	}
	return bad
}

func (t *schemaTable) checkValue(typeName, at string, v any) []string {
	if primitive, ok := strings.CutPrefix(typeName, "Edm."); ok {
		if !fits(primitive, v) {
			return []string{fmt.Sprintf("%s: %v is not %s", at, kindOf(v), typeName)}
		}
		return nil
	}
	if values, ok := t.Enums[typeName]; ok {
		return checkEnum(values, typeName, at, v)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: %v is not a %s", at, kindOf(v), typeName)}
	}
	if t.Types[typeName] == nil { // a type that only a navigation property leads to
		return nil
	}
	return t.check(typeName, at, object)
}

func checkEnum(values []string, typeName, at string, v any) []string {
	s, _ := v.(string)
	for _, name := range strings.Split(s, ",") {
		if !slices.Contains(values, strings.TrimSpace(name)) {
			return []string{fmt.Sprintf("%s: not a value of %s", at, typeName)}
		}
	}
	return nil
}

// kindOf names a value without showing it, for it may be a secret.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	case []any:
		return "an array"
	}
	return "an object"
}

var duration = regexp.MustCompile(`^-?P(\d+Y)?(\d+M)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$`)

// fits reports whether a decoded JSON value can be of a primitive type.
func fits(primitive string, v any) bool {
	switch primitive {
	case "Boolean":
		_, ok := v.(bool)
		return ok
	case "Int32":
		f, ok := v.(float64)
		return ok && f == float64(int32(f))
	}
	s, ok := v.(string)
	if !ok {
		return false
	}
	var err error
	switch primitive {
	case "DateTimeOffset":
		_, err = time.Parse(time.RFC3339, s)
	case "Date":
		_, err = time.Parse(time.DateOnly, s)
	case "TimeOfDay":
		_, err = time.Parse("15:04:05.9999999", s)
	case "Guid":
		err = uuid.Validate(s)
	case "Duration":
		return duration.MatchString(s)
	case "Binary":
		_, err = base64.StdEncoding.DecodeString(s)
	}
	return err == nil
}
