package guides

import (
	"io"
	"net/http"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
)

// approvers is the part of the configuration that says who may approve.
const approvers = `
approvals:
  approvers:
    - {id: ann@contoso.com, name: Ann Ash}
    - {id: bob@contoso.com, name: Bob Bay}
`

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

// recipient is somebody at the vendor with a key of age.
type recipient struct{ identity *age.X25519Identity }

func (s *stage) recipient() recipient {
	s.Helper()
	identity, err := age.GenerateX25519Identity()
	require.NoError(s, err)
	return recipient{identity}
}

func (r recipient) key() string { return r.identity.Recipient().String() }

// opens reads the password that a ticket was told.
func (s *stage) opens(r recipient, c *events.StatusSecret) string {
	s.Helper()
	require.NotNil(s, c)
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(c.Sealed)), r.identity)
	require.NoError(s, err)
	password, err := io.ReadAll(plain)
	require.NoError(s, err)
	return string(password)
}
