package entra

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every reviewer that is read can be written again, and is the same one then.
func FuzzReviewers(f *testing.F) {
	const id = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
	f.Add("/v1.0/users/" + id)
	f.Add("/users/" + id + "/manager")
	f.Add("/groups/" + id + "/transitiveMembers/microsoft.graph.user")
	f.Add("/beta/roleManagement/directory/roleAssignments?$filter=roleDefinitionId eq '" + id + "'")
	f.Add("./manager")
	f.Fuzz(func(t *testing.T, query string) {
		r := reviewerOf(query)
		again, err := queryOf(r)
		if query == "" {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		assert.Equal(t, r, reviewerOf(again))
	})
}
