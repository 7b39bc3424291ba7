package policies_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/policies"
	"github.com/usher365/usher/shared/policy"
)

func TestBearers(t *testing.T) {
	ann := policy.Person{ID: "ann@contoso.com", Name: "Ann Ash", Also: []string{"aash"}}
	bob := policy.Person{ID: "bob@contoso.com", Name: "Bob Bay"}
	for name, c := range map[string]struct {
		ids  []string
		want []string
		says string
	}{
		"None":    {},
		"One":     {[]string{"bob@contoso.com"}, []string{"bob@contoso.com"}, ""},
		"ByAlias": {[]string{"AASH", "Bob@contoso.com"}, []string{"ann@contoso.com", "bob@contoso.com"}, ""},
		"Nobody":  {[]string{"ann@contoso.com", "secret-written-as-an-id"}, nil, "entry 2: is the token of nobody who may approve"},
		"ByName":  {[]string{"Bob Bay"}, nil, "entry 1: is the token of nobody"},
		"Twice":   {[]string{"ann@contoso.com", "aash"}, nil, "entry 2: is a second token of ann@contoso.com"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := config.Config{Approvers: []policy.Person{ann, bob}}
			for i, id := range c.ids {
				settings.ApproverTokens = append(settings.ApproverTokens, config.ApproverToken{ID: id, Token: account.NewSecret(id), Where: "entry " + string(rune('1'+i))})
			}
			rules, err := policies.Known(settings)
			require.NoError(t, err)
			got, err := policies.Bearers(settings, rules)
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				assert.NotContains(t, err.Error(), "secret-written")
				return
			}
			require.NoError(t, err)
			var ids []string
			for _, b := range got {
				ids = append(ids, b.ID)
			}
			assert.Equal(t, c.want, ids)
		})
	}
}
