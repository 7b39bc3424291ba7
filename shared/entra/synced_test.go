package entra_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const anchor = "+/8AAQIDBAUGBwgJCgsMDQ=="

func TestUserByImmutableID(t *testing.T) {
	g := newGraph(t, answer(200, `{"value":[{"id":"`+userID+`","userPrincipalName":"svc@contoso.com","accountEnabled":true,"onPremisesSyncEnabled":true,"onPremisesImmutableId":"`+anchor+`"}]}`))
	found, err := g.client(t).UserByImmutableID(ctx, tenant, anchor)
	require.NoError(t, err)
	assert.Equal(t, account.User{ObjectID: userID, UserPrincipalName: "svc@contoso.com", Enabled: true, Synced: true, ImmutableID: anchor}, found)
	assert.Equal(t, "onPremisesImmutableId eq '"+anchor+"'", g.last(t).URL.Query().Get("$filter"), "plus and slash arrive as they are")
}

func TestUserByImmutableIDRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		body, anchor string
		code         fault.Code
	}{
		"nobody has it":     {`{"value":[]}`, anchor, fault.UserNotFound},
		"somebody else":     {`{"value":[{"id":"x","onPremisesImmutableId":"other"}]}`, anchor, fault.AnswerNotUnderstood},
		"two":               {`{"value":[{"id":"x","onPremisesImmutableId":"` + anchor + `"},{"id":"y","onPremisesImmutableId":"` + anchor + `"}]}`, anchor, fault.AnswerNotUnderstood},
		"no list":           {`{}`, anchor, fault.AnswerNotUnderstood},
		"no anchor, no ask": {``, "", fault.MalformedCommand},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newGraph(t, answer(200, tt.body)).client(t).UserByImmutableID(ctx, tenant, tt.anchor)
			assert.Equal(t, tt.code, fault.CodeOf(err), "%v", err)
		})
	}
}
