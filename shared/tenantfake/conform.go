package tenantfake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// SchemaViolations returns what did not fit Microsoft's schema so far: properties and types that clients sent, and, when Options.Strict is
// set, those that the emulator answered. Values are never shown.
func (s *Server) SchemaViolations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

func (s *Server) violate(what []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, what...)
}

// sends reports whether a request with this method may carry a body.
func sends(method string) bool {
	return method == http.MethodPost || method == http.MethodPatch || method == http.MethodPut
}

// checkBody refuses a body that is not a JSON object or, when strict, does not fit the schema. v1.0 is checked; beta has its own schema.
func (c *graphCall) checkBody() *response {
	if len(c.body) == 0 {
		if c.r.Method == http.MethodPatch || c.r.Method == http.MethodPost && c.route.body != "" && c.route.body != "restore" {
			return c.badRequest("Empty Payload. JSON content expected.")
		}
		return nil
	}
	if !sends(c.r.Method) {
		return nil
	}
	if !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/json") {
		return c.badRequest("Write requests (excluding DELETE) must contain the Content-Type header declaration.")
	}
	var object map[string]any
	if err := json.Unmarshal(c.body, &object); err != nil {
		return c.fail(http.StatusBadRequest, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	if c.version == "beta" || c.route.body == "" {
		return nil
	}
	bad := schema.check(c.route.body, "request "+c.r.Method+" "+c.route.pattern, object)
	c.s.violate(bad)
	if len(bad) > 0 && c.s.strict {
		return c.badRequest("One or more properties contains invalid values. (" + bad[0] + ")")
	}
	return nil
}

// checkAnswer records what does not fit the schema in an answer.
func (c *graphCall) checkAnswer(resp *response) {
	if c.route == nil || c.version == "beta" || resp.status >= 300 || c.route.result == "" || len(resp.body) == 0 {
		return
	}
	at := "answer " + c.r.Method + " " + c.route.pattern
	var object map[string]any
	if err := json.Unmarshal(resp.body, &object); err != nil {
		c.s.violate([]string{fmt.Sprintf("%s: not a JSON object: %v", at, err)})
		return
	}
	items, list := object["value"].([]any)
	if !list {
		c.s.violate(schema.check(c.route.result, at, object))
		return
	}
	for _, item := range items {
		entity, ok := item.(map[string]any)
		if !ok {
			c.s.violate([]string{at + ": value holds something else than objects"})
			return
		}
		c.s.violate(schema.check(c.route.result, at, entity))
	}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
