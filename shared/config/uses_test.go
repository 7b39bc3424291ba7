package config_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
)

// everything is a configuration with each secret by reference.
const everything = `
database: aws-secretsmanager:database
serviceBus: {connectionString: aws-secretsmanager:bus}
apiToken: aws-secretsmanager:token
webhooks: {sources: {desk: {secrets: aws-secretsmanager:desk, approves: true}}}
approvals: {approvers: [{id: ann, name: Ann, token: aws-secretsmanager:ann}]}
callback: {url: "https://desk.contoso.com", secret: aws-secretsmanager:callback}
mail: {address: "smtp.contoso.com:587", from: usher@contoso.com, username: u, password: aws-secretsmanager:mail, operators: [it@contoso.com]}
tenants:
  - alias: a
    id: ` + tenantID + `
    activeDirectory: {url: "ldaps://dc1", baseDN: "DC=corp", bindName: u, password: aws-secretsmanager:domain}
`

// strict refuses what a role may not read, as a service does.
type strict struct {
	mu    sync.Mutex
	may   []string
	asked []string
}

func (s *strict) Resolve(_ context.Context, ref string) (account.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.TrimPrefix(ref, "aws-secretsmanager:")
	s.asked = append(s.asked, name)
	if !slices.Contains(s.may, name) {
		return account.Secret{}, errors.New("the role may not read " + name)
	}
	return account.NewSecret(map[string]string{"database": "postgres://u:p@h/d", "desk": hook, "callback": hook, "ann": hook}[name] + map[string]string{"token": canary, "mail": canary, "domain": canary, "bus": canary}[name]), nil
}

// A function asks for its own secrets only: its role may read no other, and one file serves all.
func TestAFunctionReadsItsOwnSecrets(t *testing.T) {
	own := map[string]string{"intake": "desk", "console": "token ann", events.Notify: "callback mail", events.Create: "domain", events.HandOver: "domain", events.Revoke: "domain"}
	for _, function := range append(events.Functions(), "intake", "console") {
		t.Run(function, func(t *testing.T) {
			role := &strict{may: append(strings.Fields(own[function]), "database", "bus")}
			c, err := config.Load(write(t, everything), env(), role, function)
			require.NoError(t, err)
			slices.Sort(role.asked)
			slices.Sort(role.may)
			assert.Equal(t, role.may, role.asked)
			assert.Equal(t, function == "console", !c.APIToken.IsZero())
			assert.Equal(t, function == "console", len(c.ApproverTokens) == 1)
			assert.Len(t, c.Approvers, 1)
			assert.Equal(t, function == "intake", len(c.Webhooks.Sources) > 0)
			assert.Equal(t, function == events.Notify, !c.Callback.Secret.IsZero())
			assert.Equal(t, function == events.Notify, !c.Mail.Password.IsZero())
			require.NoError(t, c.Mail.Options().Check())
			assert.Equal(t, own[function] == "domain", len(c.ActiveDirectory) == 1)

			// What others must know of it is no secret.
			assert.Equal(t, "https://desk.contoso.com", c.Callback.URL)
			assert.Equal(t, []string{"desk"}, c.Webhooks.Approving)
			assert.Equal(t, []string{"it@contoso.com"}, c.Mail.Operators)
			assert.Equal(t, "DC=corp", c.Tenants[0].ActiveDirectory.BaseDN)
		})
	}
	role := &strict{may: []string{"database", "bus", "desk", "token", "ann", "callback", "mail", "domain"}}
	_, err := config.Load(write(t, everything), env(), role)
	require.NoError(t, err)
	assert.Len(t, role.asked, len(role.may), "a process that serves everything asks for everything")
	role = &strict{may: []string{"database", "bus", "domain", "desk"}}
	_, err = config.Load(write(t, everything), env(), role, events.Create, "intake")
	require.NoError(t, err)
	assert.Len(t, role.asked, len(role.may), "and one that serves two what the two need")
}

// What is wrong in the file is wrong for everybody; what is missing only for who needs it.
func TestASecretInTheFileIsRefusedEverywhere(t *testing.T) {
	written := strings.NewReplacer("aws-secretsmanager:token", canary, "aws-secretsmanager:callback", canary, "aws-secretsmanager:ann", canary, "aws-secretsmanager:mail", "env:", "aws-secretsmanager:domain", "file:secret").Replace(everything)
	role := &strict{may: []string{"database", "bus"}}
	_, err := config.Load(write(t, written), env(), role, events.AssignRole)
	for _, where := range []string{"apiToken (line 4)", "approvals.approvers[0].token (line 6)", "callback.secret (line 7)", "mail.password (line 8)", "tenants[0].activeDirectory.password (line 12)"} {
		assert.ErrorContains(t, err, where+": must be a reference")
	}
	assert.NotContains(t, err.Error(), canary)

	elsewhere := strings.ReplaceAll(everything, "aws-secretsmanager:domain", "env:NOWHERE")
	_, err = config.Load(write(t, elsewhere), env(), role, events.AssignRole)
	require.NoError(t, err)
	_, err = config.Load(write(t, elsewhere), env(), role, events.Revoke)
	require.ErrorContains(t, err, "tenants[0].activeDirectory.password (line 12): the environment variable NOWHERE is not set")
	_, err = config.Load(write(t, everything), env(), role, events.Revoke)
	require.ErrorContains(t, err, "aws-secretsmanager:domain cannot be fetched: the role may not read domain")
}
