package schema_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/schema"
)

const ticket = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://example.org/ticket.json",
  "type": "object",
  "required": ["account"],
  "additionalProperties": false,
  "properties": {
    "schema": {"const": "usher.request/v1"},
    "action": {"enum": ["onboard", "offboard"]},
    "account": {"$ref": "#/$defs/account"},
    "roles": {"type": "array", "maxItems": 2, "uniqueItems": true, "items": {"type": "string", "minLength": 1}},
    "days": {"type": "integer", "minimum": 0, "maximum": 30},
    "until": {"type": "string", "format": "date-time"},
    "owner": {"type": "string", "format": "email"},
    "tenant": {"anyOf": [{"required": ["id"]}, {"required": ["domain"]}], "properties": {"id": {"type": "string", "format": "uuid"}}},
    "either": {"oneOf": [{"type": "string"}, {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}]}
  },
  "if": {"properties": {"action": {"const": "offboard"}}, "required": ["action"]},
  "then": {"required": ["days"]},
  "$defs": {"account": {"type": "object", "required": ["userName"], "properties": {
    "userName": {"type": "string", "maxLength": 8, "pattern": "^[a-z]+$"}}}}
}`

func compile(t testing.TB, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Compile("ticket", []byte(text))
	require.NoError(t, err)
	return s
}

func TestCheck(t *testing.T) {
	cases := []struct {
		name, doc string
		want      []string
	}{
		{"good", `{"schema":"usher.request/v1","account":{"userName":"sam"},"until":"2027-11-21T00:00:00Z","owner":"a@b.com","tenant":{"domain":"c"},"days":3}`, nil},
		{"missing", `{}`, []string{"at the top: account is missing"}},
		{"unknown", `{"account":{"userName":"sam"},"b":1,"a":1}`, []string{"at the top: a, b are not known here"}},
		{"behind a reference", `{"account":{"userName":7}}`, []string{"at /account/userName: must be text, not a number"}},
		{"form", `{"account":{"userName":"SAM"}}`, []string{"at /account/userName: does not have the allowed form (^[a-z]+$)"}},
		{"length", `{"account":{"userName":"samsamsamsam"}}`, []string{"at /account/userName: must have at most 8 characters, has 12"}},
		{"const and enum", `{"account":{"userName":"sam"},"schema":"v2","action":"x"}`, []string{
			`at /action: must be "onboard" or "offboard"`, `at /schema: must be "usher.request/v1"`}},
		{"formats", `{"account":{"userName":"sam"},"until":"tomorrow","owner":"nobody","tenant":{"id":"7"}}`, []string{
			"at /owner: must be an e-mail address", "at /tenant/id: must be a GUID", "at /until: must be a time such as 2027-11-21T00:00:00Z"}},
		{"list", `{"account":{"userName":"sam"},"roles":["a","a",""]}`, []string{
			"at /roles/2: must not be empty", "at /roles: items 1 and 2 are the same", "at /roles: must have at most 2 entries, has 3"}},
		{"numbers", `{"account":{"userName":"sam"},"days":31}`, []string{"at /days: must be at most 30"}},
		{"fraction", `{"account":{"userName":"sam"},"days":1.5}`, []string{"at /days: must be a whole number, not a number"}},
		{"choice of one thing", `{"account":{"userName":"sam"},"tenant":{}}`, []string{"at /tenant: id is missing, or domain is missing"}},
		{"choice of shapes", `{"account":{"userName":"sam"},"either":{"a":"x"}}`, []string{"at /either: must be text, not an object"}},
		{"condition", `{"account":{"userName":"sam"},"action":"offboard"}`, []string{"at the top: days is missing"}},
		{"not an object", `[]`, []string{"at the top: must be an object, not a list"}},
		{"not JSON", "{\n\"account\": x}", []string{"not valid JSON at line 2: invalid character 'x' looking for beginning of value"}},
		{"cut short", `{"account":`, []string{"not valid JSON at line 1: the text ends too early"}},
		{"empty", ``, []string{"not valid JSON at line 1: the text ends too early"}},
		{"two documents", `{"account":{"userName":"sam"}} {}`, []string{"not valid JSON at line 1: something follows the end of the document"}},
		{"name twice", `{"account":{"userName":"ROOT"},"account":{"userName":"sam"}}`, []string{"not valid JSON at line 1: /account is given twice"}},
		{"huge number", `{"account":{"userName":"sam"},"days":1e999999999}`, []string{"not valid JSON at line 1: the number at /days is out of range"}},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", []string{"the text is not valid UTF-8"}},
		{"too deep", strings.Repeat("[", 100) + strings.Repeat("]", 100), []string{"not valid JSON at line 1: nested deeper than 64 levels"}},
	}
	s := compile(t, ticket)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := s.Check([]byte(c.doc))
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, schema.Problems(c.want), err)
		})
	}
}

func TestProblemsAreFewAndHarmless(t *testing.T) {
	s := compile(t, `{"additionalProperties":{"type":"string","maxLength":3,"pattern":"^z$"}}`)
	doc := map[string]any{strings.Repeat("n", 500) + "\n": 1}
	for i := range 40 {
		doc[fmt.Sprintf("field%02d\x1b[31m", i)] = "canary-password"
	}
	err := s.CheckValue(doc)
	problems, ok := err.(schema.Problems)
	require.True(t, ok)
	assert.Len(t, problems, 11)
	assert.Equal(t, "and 71 more", problems[10])
	assert.NotContains(t, err.Error(), "canary-password")
	assert.NotContains(t, err.Error(), "\x1b")
	assert.Less(t, len(err.Error()), 2000)
}

func TestCheckValue(t *testing.T) {
	s := compile(t, ticket)
	require.NoError(t, s.CheckValue(map[string]any{"account": map[string]string{"userName": "sam"}, "days": 4}))
	require.ErrorContains(t, s.CheckValue(map[string]any{"days": "4"}), "at /days: must be a whole number, not text")
	require.ErrorContains(t, s.CheckValue(func() {}), "cannot be written as JSON")
}

func TestCompileRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":      `{`,
		"not a schema":  `{"type":"nothing"}`,
		"file":          `{"$ref":"file:///etc/hostname"}`,
		"network":       `{"$ref":"https://example.org/other.json"}`,
		"relative file": `{"$ref":"other.json"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := schema.Compile("ticket", []byte(text))
			require.ErrorContains(t, err, "schema ticket")
		})
	}
}

func FuzzCheck(f *testing.F) {
	s := compile(f, ticket)
	f.Add([]byte(`{"account":{"userName":"sam"},"days":3}`))
	f.Add([]byte(`{"account":{"userName":"sam"},"either":[{"a":-0.0e+1}]}`))
	f.Add([]byte(`[1e400,"\ud800"]`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		err := s.Check(doc)
		if err == nil && !json.Valid(doc) {
			t.Fatalf("accepted what is not JSON: %q", doc)
		}
		if err != nil && err.Error() == "" {
			t.Fatal("an error without words")
		}
	})
}
