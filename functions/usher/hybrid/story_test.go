package hybrid

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/activedirectory"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	onboard  = "onboard-kaspersky-synced.json"
	offboard = "offboard-kaspersky-synced.json"
)

func TestAnAccountOfActiveDirectoryComesAndGoes(t *testing.T) {
	s := open(t, nil)
	before := len(s.tenant.Users())
	id := s.post(onboard)
	require.Len(t, s.onPremises(), 1)
	assert.True(t, s.onPremises()[0].Enabled)
	s.pass(70 * time.Minute)
	s.is(id, account.Waits)
	kinds, last := s.heard(id)
	assert.Equal(t, []events.StatusKind{events.StatusAccepted, events.StatusWaiting}, kinds, "the ticket hears of it after an hour")
	assert.Equal(t, string(fault.EntraConnectNotSynced), last.FaultCode)
	s.pass(2 * time.Hour)
	kinds, _ = s.heard(id)
	assert.Contains(t, kinds, events.StatusAlarm, "and the operator after three")

	s.cycle()
	s.pass(6 * time.Minute)
	s.is(id, account.Succeeded)
	user, there := s.tenant.User(name)
	require.True(t, there)
	assert.True(t, user.OnPremisesSync)
	assert.Contains(t, s.tenant.RolesOf(user.ID), "Security Reader")

	off := s.post(offboard)
	for range 3 {
		s.cycle()
		s.pass(7 * time.Minute)
	}
	s.is(off, account.Succeeded)
	assert.Empty(t, s.onPremises())
	assert.Len(t, s.tenant.Users(), before)
	assert.Len(t, s.tenant.DeletedUsers(), 1)
	_, err := s.app.Desk.Undo(t.Context(), off, "boss@contoso.com")
	assert.Equal(t, fault.UserSynced, fault.CodeOf(err))
}

func TestWhyTheDomainRefusedIsOnTheTicket(t *testing.T) {
	for code, change := range map[fault.Code]func(*stage, *options){
		fault.ADSignInRefused:        func(_ *stage, o *options) { o.password = "not the password" },
		fault.ADCertificateUntrusted: func(_ *stage, o *options) { o.roots = anotherAuthority(t) },
		fault.ADContainerNotFound:    func(s *stage, _ *options) { s.ou = "OU=nowhere," + s.BaseDN },
		fault.NameTaken: func(s *stage, _ *options) {
			add := ldap.NewAddRequest("CN=somebody,"+s.ou, nil)
			add.Attribute("objectClass", []string{"user"})
			add.Attribute("sAMAccountName", []string{"svc-kaspersky-hq"})
			require.NoError(s, s.Connect(s.T).Add(add))
		},
	} {
		t.Run(string(code), func(t *testing.T) {
			s := open(t, change)
			before := len(s.tenant.Users())
			id := s.post(onboard)
			s.is(id, account.Failed)
			kinds, last := s.heard(id)
			assert.Equal(t, events.StatusFailed, kinds[len(kinds)-1])
			assert.Equal(t, string(code), last.FaultCode)
			assert.NotEmpty(t, last.NextAction)
			assert.Len(t, s.tenant.Users(), before)
		})
	}
}

// Somebody disables the account in the domain, and later deletes it: the night names the
// domain, where alone that can be mended, and writes nothing to the cloud.
func TestTheNightNamesTheDomain(t *testing.T) {
	s := open(t, nil)
	id := s.post(onboard)
	s.cycle()
	s.pass(6 * time.Minute)
	s.is(id, account.Succeeded)
	s.pass(20 * time.Minute)
	assert.Empty(t, s.night())

	found := s.entry()
	disable := ldap.NewModifyRequest(found, nil)
	disable.Replace("userAccountControl", []string{"66050"})
	require.NoError(t, s.Connect(t).Modify(disable))
	s.cycle()
	user, there := s.tenant.User(name)
	require.True(t, there)
	require.False(t, user.AccountEnabled)
	findings := s.night()
	require.Len(t, findings, 1)
	assert.Equal(t, "account.disabled", findings[0].Kind)
	assert.Contains(t, findings[0].Text, "disabled in Active Directory ("+s.BaseDN+")")
	after, _ := s.tenant.User(name)
	assert.Equal(t, user, after, "nothing is written in the cloud")

	require.NoError(t, s.Connect(t).Del(ldap.NewDelRequest(found, nil)))
	s.cycle()
	findings = s.night()
	require.Len(t, findings, 1)
	assert.Equal(t, "account.missing", findings[0].Kind)
	assert.Contains(t, findings[0].Text, s.BaseDN)
	assert.Len(t, s.tenant.DeletedUsers(), 1, "and nothing is restored there")
}

// entry is the name of the one entry in the story's unit.
func (s *stage) entry() string {
	s.Helper()
	found, err := s.Connect(s.T).Search(ldap.NewSearchRequest(s.ou, ldap.ScopeSingleLevel, 0, 0, 0, false, "(objectClass=user)", nil, nil))
	require.NoError(s, err)
	require.Len(s, found.Entries, 1)
	return found.Entries[0].DN
}

// night runs the nightly sync, and gives what it found.
func (s *stage) night() []ledger.Finding {
	s.Helper()
	_, err := s.app.Desk.Sync(s.Context(), "", "timer")
	require.NoError(s, err)
	s.work()
	runs, err := s.app.Ledger.Runs(s.Context(), tenantfake.DefaultTenantID, 1)
	require.NoError(s, err)
	require.Len(s, runs, 1)
	require.Empty(s, runs[0].Error)
	s.pass(time.Minute)
	return runs[0].Findings
}

// anotherAuthority is the certificate of an authority that the controller knows nothing of.
func anotherAuthority(t *testing.T) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// cut is a connection that ends after some writes.
type cut struct {
	net.Conn
	writes int
}

var errGone = errors.New("the controller is gone")

func (c *cut) Write(p []byte) (int, error) {
	if c.writes--; c.writes < 0 {
		return 0, errors.Join(errGone, c.Close())
	}
	return c.Conn.Write(p)
}

func TestAControllerThatIsGoneHalfWayLeavesOneAccount(t *testing.T) {
	dialled := 0
	s := open(t, func(s *stage, o *options) {
		client, err := activedirectory.New(activedirectory.Options{
			URL: s.URL, BaseDN: s.BaseDN, BindDN: s.BindDN, Password: s.Password, Roots: s.Roots,
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				under, err := new(net.Dialer).DialContext(ctx, network, address)
				dialled++
				return &cut{under, 2 + dialled/2}, err // each attempt comes a little further
			},
		})
		require.NoError(t, err)
		o.domain = activedirectory.Domains{tenantfake.DefaultTenantID: client}
	})
	id := s.post(onboard)
	s.pass(3 * time.Hour)
	require.Len(t, s.onPremises(), 1)
	s.cycle()
	s.pass(6 * time.Minute)
	r := s.is(id, account.Succeeded)
	assert.Positive(t, r.Step("create").Failures)
	assert.Len(t, s.onPremises(), 1)
}
