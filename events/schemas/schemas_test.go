package schemas_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/schemas"
)

// node is what the comparison needs of a schema.
type node struct {
	Properties map[string]node `json:"properties"`
	Defs       map[string]node `json:"$defs"`
	Items      *node           `json:"items"`
}

// compare checks that a Go struct and a schema object have the same fields, all the way down.
func compare(t *testing.T, at string, typ reflect.Type, n node) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		if typ.Kind() == reflect.Slice && n.Items != nil {
			n = *n.Items
		}
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || typ.PkgPath() != reflect.TypeFor[events.Request]().PkgPath() {
		return
	}
	fields := map[string]reflect.Type{}
	for f := range fieldsOf(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(fields)), slices.Collect(maps.Keys(n.Properties)), at)
	for name, inner := range fields {
		compare(t, at+"."+name, inner, n.Properties[name])
	}
}

func fieldsOf(typ reflect.Type) func(func(reflect.StructField) bool) {
	return slices.Values(reflect.VisibleFields(typ))
}

func parsed(t *testing.T, text string) node {
	t.Helper()
	var n node
	require.NoError(t, json.Unmarshal([]byte(text), &n))
	return n
}

func TestRequestHasTheFieldsOfTheType(t *testing.T) {
	compare(t, "request", reflect.TypeFor[events.Request](), parsed(t, schemas.Request))
}

func TestStatusHasTheFieldsOfTheType(t *testing.T) {
	compare(t, "status", reflect.TypeFor[events.Status](), parsed(t, schemas.Status))
}

func TestArgumentsHaveTheFieldsOfTheirTypes(t *testing.T) {
	defs := parsed(t, schemas.Command).Defs
	for function, typ := range map[string]reflect.Type{
		events.Create: reflect.TypeFor[events.CreateArgs](), events.AssignRole: reflect.TypeFor[events.AssignRoleArgs](),
		events.GrantRoleGroup: reflect.TypeFor[events.GrantRoleGroupArgs](), events.Revoke: reflect.TypeFor[events.RevokeArgs](),
		events.AssignTargets: reflect.TypeFor[events.AssignTargetsArgs](), events.HandOver: reflect.TypeFor[events.HandOverArgs](), events.CheckFitness: reflect.TypeFor[events.CheckFitnessArgs](), events.GrantConsent: reflect.TypeFor[events.GrantConsentArgs](), events.FullSync: reflect.TypeFor[events.FullSyncArgs](),
	} {
		compare(t, function, typ, defs[function])
	}
}
