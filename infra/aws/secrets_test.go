package aws

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
)

// packaged is a configuration whose references are called as the parameters of the template.
const packaged = `
database: aws-secretsmanager:DatabaseUrlSecretArn
serviceBus: {namespace: usher.servicebus.windows.net}
apiToken: aws-secretsmanager:ApiTokenSecretArn
webhooks: {sources: {default: aws-secretsmanager:WebhookSecretArn, desk: {secrets: aws-secretsmanager:SourceSecretArns, approves: true}}}
approvals: {approvers: [{id: ann, name: Ann, token: aws-secretsmanager:ApproverTokensSecretArn}]}
callback: {url: "https://desk.contoso.com", secret: aws-secretsmanager:CallbackSecretArn}
mail: {address: "smtp.contoso.com:587", from: usher@contoso.com, username: u, password: aws-secretsmanager:MailPasswordSecretArn}
tenants:
  - alias: contoso
    id: 0550b473-9fd2-4dbb-a058-a1640b4bf458
    activeDirectory: {url: "ldaps://dc1", baseDN: "DC=corp", bindName: u, password: aws-secretsmanager:DomainPasswordSecretArns}
`

// manager keeps what it is asked for.
type manager struct {
	mu    sync.Mutex
	asked []string
}

func (m *manager) Resolve(_ context.Context, ref string) (account.Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := strings.TrimPrefix(ref, "aws-secretsmanager:")
	m.asked = append(m.asked, "secretsmanager:GetSecretValue on ${"+name+"}")
	given := map[string]string{"DatabaseUrlSecretArn": "postgres://u:p@h/d", "ApiTokenSecretArn": "token"}[name]
	if given == "" {
		given = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	}
	return account.NewSecret(given), nil
}

// TestRolesReadWhatFunctionsAskFor: a function that asks for a secret which its role may
// not read does not open, and a right that is never used is one too many.
func TestRolesReadWhatFunctionsAskFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.yaml")
	require.NoError(t, os.WriteFile(path, []byte(packaged), 0o600))
	none := func(string) (string, bool) { return "", false }
	for _, f := range functions() {
		m := &manager{}
		_, err := config.Load(path, none, m, f)
		require.NoError(t, err, f)
		slices.Sort(m.asked)
		may := slices.DeleteFunc(rights(f), func(r string) bool {
			// What requests bring is asked for when one does.
			return !strings.HasPrefix(r, "secretsmanager:GetSecretValue on ${") || strings.Contains(r, "BroughtPasswordArns")
		})
		assert.Equal(t, may, m.asked, f)
	}
}
