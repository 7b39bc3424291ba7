package entra

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fitness"
)

// Whatever a list of policies holds, it is refused, or judged without a panic.
func FuzzConditionalAccess(f *testing.F) {
	for _, body := range []string{
		`{"value":[{"id":"a","displayName":"b","state":"enabled","conditions":{"users":{"includeUsers":["All"]},"applications":{"includeApplications":["All"]}},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}]}`,
		`{"value":[{"id":"a","conditions":null,"grantControls":null}]}`, `{"value":[{"id":"a","conditions":{"users":null,"applications":null,"devices":{"deviceFilter":{}}}}]}`,
		`{"value":[{"id":"a","conditions":{"clientAppTypes":"all"}}]}`, `{"value":[{"id":"a","grantControls":{"authenticationStrength":{}}}]}`, `{"value":[{}]}`, `{"value":[]}`, `[]`, ``,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var facts fitness.Facts
		if _, err := decodePage(strings.NewReader(body), func(w wirePolicyCA) { facts.Policies = append(facts.Policies, w.policy()) }); err != nil {
			return
		}
		for _, n := range []fitness.Needs{{}, {Unattended: true, AdminPortals: true, Applications: []string{"x"}, Clients: []fitness.Client{fitness.Other}}} {
			for _, found := range fitness.Evaluate(facts, n) {
				require.NotEmpty(t, found.Text)
				require.Equal(t, found.Code == fitness.ConditionalAccess, found.Policy != "")
			}
		}
	})
}
