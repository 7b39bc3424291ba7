package tenantfake

import (
	"cmp"
	"path"
	"strings"
)

// filterable says how a property can be used in a $filter.
type filterable int

const (
	basic        filterable = iota + 1 // with the usual operators
	advancedOnly                       // only as an advanced query
)

// userFilters are the properties that users can be filtered by (reference: Microsoft Graph docs, user properties and advanced queries).
var userFilters = map[string]filterable{
	"id": basic, "userPrincipalName": basic, "displayName": basic, "mailNickname": basic, "mail": basic, "givenName": basic, "surname": basic,
	"accountEnabled": basic, "userType": basic, "usageLocation": basic, "department": basic, "jobTitle": basic, "employeeId": basic, "employeeType": basic, "city": basic, "country": basic,
	"createdDateTime": basic, "onPremisesImmutableId": basic, "onPremisesSyncEnabled": basic, "assignedLicenses": basic,
	"companyName": advancedOnly, "assignedLicenses/$count": advancedOnly, "onPremisesSamAccountName": advancedOnly,
}

func init() {
	for _, name := range extensionNames {
		userFilters["onPremisesExtensionAttributes/"+name] = advancedOnly
	}
}

// needs returns the strongest requirement of a filter: 0 when it uses a property that cannot be filtered by.
func (e *expr) needs(fields map[string]filterable) filterable {
	switch e.op {
	case "and", "or":
		l, r := e.left.needs(fields), e.right.needs(fields)
		if l == 0 || r == 0 {
			return 0
		}
		return max(l, r)
	case "not":
		if e.left.needs(fields) == 0 {
			return 0
		}
		return advancedOnly
	case "ne", "endswith":
		if fields[e.field] == 0 {
			return 0
		}
		return advancedOnly
	}
	return fields[e.field]
}

// matches evaluates a filter over the wire values of an object's properties.
func (e *expr) matches(get func(string) any) bool {
	switch e.op {
	case "and":
		return e.left.matches(get) && e.right.matches(get)
	case "or":
		return e.left.matches(get) || e.right.matches(get)
	case "not":
		return !e.left.matches(get)
	case "any":
		return e.matchesAny(get(e.field))
	}
	return e.compare(lookup(get, e.field))
}

func (e *expr) matchesAny(v any) bool {
	items, _ := v.([]any)
	for _, item := range items {
		if e.left.field == "" {
			if e.left.compare(item) {
				return true
			}
			continue
		}
		if object, ok := item.(map[string]any); ok && e.left.compare(object[e.left.field]) {
			return true
		}
	}
	return false
}

// lookup follows one level of a/b, and a/$count.
func lookup(get func(string) any, field string) any {
	name, part, nested := strings.Cut(field, "/")
	v := get(name)
	if !nested {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		return v[part]
	case []any:
		if part == "$count" {
			return float64(len(v))
		}
	}
	return nil
}

// compare compares without regard to case, as the directory does.
func (e *expr) compare(v any) bool {
	switch e.op {
	case "eq":
		return equal(v, e.value)
	case "ne":
		return !equal(v, e.value)
	case "in":
		list, _ := e.value.([]any)
		for _, want := range list {
			if equal(v, want) {
				return true
			}
		}
		return false
	}
	if f, ok := v.(float64); ok {
		want, isNumber := e.value.(float64)
		return isNumber && ordered(e.op, cmp.Compare(f, want))
	}
	have, ok1 := v.(string)
	want, ok2 := e.value.(string)
	if !ok1 || !ok2 {
		return false
	}
	have, want = strings.ToLower(have), strings.ToLower(want)
	switch e.op {
	case "startswith":
		return strings.HasPrefix(have, want)
	case "endswith":
		return strings.HasSuffix(have, want)
	case "like":
		ok, err := path.Match(want, have)
		return ok && err == nil
	}
	return ordered(e.op, strings.Compare(have, want))
}

func equal(have, want any) bool {
	a, ok1 := have.(string)
	b, ok2 := want.(string)
	if ok1 && ok2 {
		return strings.EqualFold(a, b)
	}
	return have == want
}

func ordered(op string, c int) bool {
	switch op {
	case "gt":
		return c > 0
	case "ge":
		return c >= 0
	case "lt":
		return c < 0
	case "le":
		return c <= 0
	}
	return false
}

// filter parses $filter against the properties allowed and enforces the rule for advanced queries. A nil result without an answer means
// that no filter was asked for.
func (c *graphCall) filter(fields map[string]filterable) (*expr, *response) {
	text := c.option("filter")
	if text == "" {
		return nil, nil
	}
	e, err := parseFilter(text)
	if err != nil {
		return nil, c.fail(400, "BadRequest", "Invalid filter clause: "+err.Error()+".")
	}
	switch e.needs(fields) {
	case 0:
		return nil, c.fail(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified for property of resource.")
	case advancedOnly:
		if !c.advanced() {
			return nil, c.fail(400, "Request_UnsupportedQuery", "The specified filter to the reference property query is currently not supported without advanced query parameters: set the ConsistencyLevel header to eventual and $count to true.")
		}
	}
	return e, nil
}
