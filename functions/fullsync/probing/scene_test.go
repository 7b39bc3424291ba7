package probing

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/sqlite"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	address  = "https://tenant.test"
	graphAPI = "00000003-0000-0000-c000-000000000000"
	name     = "trendmicro-cas@contoso.onmicrosoft.com"
	owner    = "jane@contoso.com"
	operator = "ops@contoso.com"
)

var contoso = account.Tenant{ID: tenantfake.DefaultTenantID, Alias: "contoso"}

// scene is a tenant with one connection, the ledger, and the probe. Time is that of synctest.
type scene struct {
	*testing.T
	server *tenantfake.Server
	tenant *tenantfake.Tenant
	ledger *sqlite.Ledger
	prober *fullsync.Prober
	// sent counts what was sent to notify.
	sent *sent
	env  map[string]string
}

type sent struct{ n int }

// EnqueueTx takes what the ledger sends.
func (s *sent) EnqueueTx(_ context.Context, _ *sql.Tx, _ string, msgs ...queue.Message) error {
	s.n += len(msgs)
	return nil
}

// Wake has nobody to wake.
func (*sent) Wake() {}

// open builds a scene; set changes what the process is told to sign in with.
func open(t *testing.T, set map[string]string) *scene {
	s := &scene{T: t, server: tenantfake.New(tenantfake.Options{}), sent: &sent{}}
	s.tenant = s.server.AddTenant(tenantfake.DefaultTenant())
	s.server.AddVendors()
	require.True(t, s.tenant.Consent(tenantfake.ScannerAppID))
	db, err := database.Open(t.Context(), database.Options{Path: database.Memory})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s.ledger, err = sqlite.New(t.Context(), db, s.sent)
	require.NoError(t, err)
	s.env = map[string]string{"AZURE_CLIENT_ID": tenantfake.DefaultClientID, "AZURE_CLIENT_SECRET": tenantfake.DefaultClientSecret}
	for name, value := range set {
		s.env[name] = value
	}
	s.start()
	s.connect()
	return s
}

// start is a process of Usher that begins.
func (s *scene) start() {
	s.Helper()
	as := identity.Options{Env: func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }, AuthorityHost: address, Transport: &http.Client{Transport: s.server.Transport()}}
	own, err := identity.New(as)
	require.NoError(s, err)
	client := func(source *identity.Source) *entra.Client {
		c, err := entra.New(entra.Options{
			Credential: source.Fresh, Endpoint: address, Scope: "https://graph.microsoft.com/.default",
			Transport: &http.Client{Transport: s.server.Transport()}, Now: time.Now,
		})
		require.NoError(s, err)
		return c
	}
	// The consents are read by the other application, which is well in all of the tests.
	s.env["USHER_CONSENTS_CLIENT_ID"] = tenantfake.DefaultConsentsClientID
	reads, err := identity.New(identity.Options{Env: as.Env, AuthorityHost: address, Transport: as.Transport, ForConsents: true})
	require.NoError(s, err)
	if !own.HasSecret() {
		env := map[string]string{"AZURE_CLIENT_ID": tenantfake.DefaultConsentsClientID, "AZURE_CLIENT_SECRET": tenantfake.DefaultClientSecret}
		reads, err = identity.New(identity.Options{Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, AuthorityHost: address, Transport: as.Transport})
		require.NoError(s, err)
	}
	s.prober = fullsync.NewProber(fullsync.ProberOptions{
		Identities: []fullsync.Identity{{SignIn: client(own), Own: own}}, Consents: client(reads), Books: s.ledger,
		First: contoso.ID, Operators: []string{operator}, Now: time.Now,
	})
}

// connect puts the connection of the tenant on record.
func (s *scene) connect() {
	s.Helper()
	grants := []account.Grant{{Kind: account.Application, Target: tenantfake.ScannerAppID, Name: "Cloud App Security", State: account.GrantGiven, Ours: true}}
	for _, permission := range []string{"Mail.ReadWrite", "User.Read.All"} {
		right := account.AppPermission{Resource: graphAPI, Name: permission}
		grants = append(grants, account.Grant{Kind: account.AppRole, Target: right.Target(tenantfake.ScannerAppID), Name: permission, State: account.GrantGiven, Ours: true})
	}
	r := account.Request{ID: "req-1", Action: account.Onboard, Tenant: contoso.ID, AccountID: "acc-1", UserPrincipalName: name, CreatedAt: time.Now()}
	a := account.Account{
		ID: "acc-1", Tenant: contoso.ID, UserPrincipalName: name, RequestID: r.ID, AppID: tenantfake.ScannerAppID,
		Owner: account.Owner{Email: owner}, State: account.AccountActive, Grants: grants, CreatedAt: time.Now(),
	}
	_, err := s.ledger.Accept(s.Context(), ledger.Keys{Tenant: contoso.ID, UserPrincipalName: name, Action: r.Action}, func(ledger.Situation) (ledger.Draft, error) {
		return ledger.Draft{Record: ledger.Record{Request: r, Account: a}}, nil
	})
	require.NoError(s, err)
}

// probe probes, and gives what could not be seen.
func (s *scene) probe() (unhealthy int, unknown []string) {
	s.Helper()
	unhealthy, unknown, err := s.prober.Probe(s.Context(), contoso)
	require.NoError(s, err)
	return unhealthy, unknown
}

// open are the open notices.
func (s *scene) open() []ledger.Notice {
	s.Helper()
	found, err := s.ledger.Notices(s.Context(), ledger.NoticeFilter{Open: true, Limit: -1})
	require.NoError(s, err)
	return found
}

// only is the one open notice.
func (s *scene) only() ledger.Notice {
	s.Helper()
	found := s.open()
	require.Len(s, found, 1)
	return found[0]
}

// change edits the connection's row.
func (s *scene) change(edit func(*account.Account)) {
	s.Helper()
	require.NoError(s, s.ledger.Update(s.Context(), "req-1", func(r *ledger.Record) error { edit(&r.Account); return nil }))
}

// permit gives the connector these permissions of Graph, and no others.
func (s *scene) permit(names ...string) {
	require.True(s, s.tenant.SetPermissions(tenantfake.ScannerAppID, slices.Clone(names), nil))
}

// certificate writes a certificate with its key to a file.
func certificate(t *testing.T, ends time.Time) (path string, cert *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "usher"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	path = filepath.Join(t.TempDir(), "usher.pem")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path, cert
}
