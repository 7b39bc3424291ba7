package activedirectory

import (
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

func TestLifeOfAnAccount(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t), t.Context()
	n := s.account("svc-kaspersky-quarantine")
	n.GivenName, n.Surname, n.PasswordNeverExpires = "Kaspersky", "Service", true
	n.Attributes = map[string][]string{"description": {"made by Usher"}, "otherTelephone": {"1", "2"}}

	made, err := s.client.Create(ctx, n)
	require.NoError(t, err)
	assert.True(t, made.Enabled)
	assert.Equal(t, n.Stamp, made.Stamp)
	assert.Equal(t, n.UserPrincipalName, made.UserPrincipalName)
	assert.Equal(t, "svc-kaspersky-quaran", made.LogonName)
	assert.Equal(t, made.GUID.ImmutableID(), made.ImmutableID)
	e := s.entry(made, "*")
	assert.Equal(t, "66048", e.GetAttributeValue("userAccountControl"), "enabled, the password never expires")
	assert.Equal(t, "made by Usher", e.GetAttributeValue("description"))
	assert.Len(t, e.GetAttributeValues("otherTelephone"), 2)
	assert.Equal(t, "Service", e.GetAttributeValue("sn"))
	assert.NotEqual(t, "0", e.GetAttributeValue("pwdLastSet"), "it need not be changed at the first sign-in")
	require.NoError(t, s.signsIn(made, good))

	again, err := s.client.Create(ctx, n)
	require.NoError(t, err)
	assert.Equal(t, made, again)
	for _, find := range []func() (User, error){
		func() (User, error) { return s.client.Find(ctx, made.GUID) },
		func() (User, error) { return s.client.FindStamp(ctx, n.Stamp) },
	} {
		found, err := find()
		require.NoError(t, err)
		assert.Equal(t, made, found)
	}

	require.NoError(t, s.client.SetPassword(ctx, made.GUID, n.Stamp, account.NewSecret("Another-9-Lantern")))
	require.NoError(t, s.signsIn(made, "Another-9-Lantern"))

	for range 2 {
		require.NoError(t, s.client.Disable(ctx, made.GUID, n.Stamp))
	}
	off, err := s.client.Find(ctx, made.GUID)
	require.NoError(t, err)
	assert.False(t, off.Enabled)
	assert.Equal(t, "66050", s.entry(off, "userAccountControl").GetAttributeValue("userAccountControl"), "the other flags stay")
	assertFault(t, fault.Permanent, fault.ADSignInRefused, s.signsIn(made, "Another-9-Lantern"))

	for range 2 {
		require.NoError(t, s.client.Enable(ctx, made.GUID, n.Stamp))
	}
	assert.Equal(t, "66048", s.entry(off, "userAccountControl").GetAttributeValue("userAccountControl"))
	require.NoError(t, s.signsIn(made, "Another-9-Lantern"))

	for range 2 {
		require.NoError(t, s.client.Delete(ctx, made.GUID, n.Stamp))
	}
	_, err = s.client.Find(ctx, made.GUID)
	assertFault(t, fault.Permanent, fault.UserNotFound, err)
	assertFault(t, fault.Permanent, fault.UserNotFound, s.client.Disable(ctx, made.GUID, n.Stamp))
	assertFault(t, fault.Permanent, fault.UserNotFound, s.client.SetPassword(ctx, made.GUID, n.Stamp, n.Password))
}

func TestAMovedAndRenamedAccountIsStillFound(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t), t.Context()
	n := s.account("svc-moved")
	made, err := s.client.Create(ctx, n)
	require.NoError(t, err)
	require.NoError(t, s.Connect(t).ModifyDN(ldap.NewModifyDNRequest(made.DN, "CN=somebody moved it", true, s.OU(t))))

	again, err := s.client.Create(ctx, n)
	require.NoError(t, err)
	assert.Equal(t, made.GUID, again.GUID)
	assert.NotEqual(t, made.DN, again.DN)
	require.NoError(t, s.client.Disable(ctx, made.GUID, n.Stamp))
	require.NoError(t, s.client.Delete(ctx, made.GUID, n.Stamp))
}

func TestTheSourceAnchorIsTheOneThatTheDirectoryNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	made, err := s.client.Create(t.Context(), s.account("svc-anchor"))
	require.NoError(t, err)
	anchor := GUID{1, 2, 3}
	change := ldap.NewModifyRequest(made.DN, nil)
	change.Replace("mS-DS-ConsistencyGuid", []string{string(anchor[:])})
	require.NoError(t, s.Connect(t).Modify(change))
	found, err := s.client.Find(t.Context(), made.GUID)
	require.NoError(t, err)
	assert.Equal(t, anchor.ImmutableID(), found.ImmutableID)
}

func TestAnAccountOfOthersIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t), t.Context()
	n := s.account("svc-ours")
	made, err := s.client.Create(ctx, n)
	require.NoError(t, err)
	for _, stamp := range []string{"usher:another-request", ""} {
		assertFault(t, fault.Permanent, fault.AccountUnknown, s.client.Disable(ctx, made.GUID, stamp))
		assertFault(t, fault.Permanent, fault.AccountUnknown, s.client.Delete(ctx, made.GUID, stamp))
		assertFault(t, fault.Permanent, fault.AccountUnknown, s.client.SetPassword(ctx, made.GUID, stamp, account.NewSecret("Another-9-Lantern")))
	}
	found, err := s.client.Find(ctx, made.GUID)
	require.NoError(t, err)
	assert.Equal(t, made, found)
	require.NoError(t, s.signsIn(made, good))
}
