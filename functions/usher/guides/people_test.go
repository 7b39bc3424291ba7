package guides

import (
	"net/http"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/intake"
)

// approvers is the part of the configuration that says who may approve.
const approvers = `
approvals:
  approvers:
    - {id: ann@contoso.com, name: Ann Ash}
    - {id: bob@contoso.com, name: Bob Bay}
`

// proven is the same with a token of her own for Ann.
const proven = `
approvals:
  approvers:
    - {id: ann@contoso.com, name: Ann Ash, token: env:ANN_TOKEN}
    - {id: bob@contoso.com, name: Bob Bay}
`

// annsToken is what ANN_TOKEN holds.
const annsToken = "the-token-of-ann-and-of-nobody-else"

// parked sends a request that must wait for people, and gives its id.
func (s *stage) parked(doc map[string]any) string {
	s.Helper()
	a := s.post(doc)
	require.Equal(s, intake.Parked, a.Status, a.Reason)
	return a.RequestID
}

// approve gives somebody's word, and the status of the answer.
func (s *stage) approve(id, by string) int {
	s.Helper()
	return s.api(http.MethodPost, "/api/requests/"+id+"/approve", map[string]string{"by": by, "reason": "seen"}, nil)
}
