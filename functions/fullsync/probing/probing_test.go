package probing

import (
	"crypto/x509"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/tenantfake"
)

// Every trouble is told once in 48 hours of probes, to the one whose matter it is, and is
// over in the first probe after the repair.
func TestATroubleIsToldOnceAndEnds(t *testing.T) {
	for name, c := range map[string]struct {
		trouble, repair func(*scene)
		key, says, mail string
	}{
		"our secret is another one": {
			func(s *scene) { s.tenant.SetSecret(tenantfake.DefaultClientID, "another") },
			func(s *scene) { s.tenant.SetSecret(tenantfake.DefaultClientID, tenantfake.DefaultClientSecret) },
			"credential.invalid/" + tenantfake.DefaultTenantID + "/" + tenantfake.DefaultClientID, "cannot sign in to tenant contoso", operator,
		},
		"our application is gone": {
			func(s *scene) { s.tenant.SetTokenError(tenantfake.DefaultClientID, 700016) },
			func(s *scene) { s.tenant.SetTokenError(tenantfake.DefaultClientID, 0) },
			"credential.invalid/" + tenantfake.DefaultTenantID + "/" + tenantfake.DefaultClientID, "admin consent", operator,
		},
		"our application is switched off": {
			func(s *scene) { s.tenant.SetDisabledByHand(tenantfake.DefaultClientID, true) },
			func(s *scene) { s.tenant.SetDisabledByHand(tenantfake.DefaultClientID, false) },
			"credential.invalid/" + tenantfake.DefaultTenantID + "/" + tenantfake.DefaultClientID, "enable it", operator,
		},
		"a permission of the connection is withdrawn": {
			func(s *scene) { s.permit("User.Read.All") },
			func(s *scene) { s.permit("User.Read.All", "Mail.ReadWrite") },
			"consent.missing/" + tenantfake.DefaultTenantID + "/acc-1", "no longer has the permissions Mail.ReadWrite", owner,
		},
		"the connection is switched off": {
			func(s *scene) { s.tenant.SetDisabledByHand(tenantfake.ScannerAppID, true) },
			func(s *scene) { s.tenant.SetDisabledByHand(tenantfake.ScannerAppID, false) },
			"consent.missing/" + tenantfake.DefaultTenantID + "/acc-1", "switched off", owner,
		},
		"the connection's application is deleted": {
			func(s *scene) { s.tenant.RemoveApp(tenantfake.ScannerAppID) },
			func(s *scene) { s.tenant.Consent(tenantfake.ScannerAppID) },
			"consent.missing/" + tenantfake.DefaultTenantID + "/acc-1", "is gone", owner,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, nil)
				unhealthy, unknown := s.probe()
				require.Zero(t, unhealthy)
				require.Empty(t, unknown)
				c.trouble(s)
				for range 48 {
					time.Sleep(time.Hour)
					unhealthy, _ = s.probe()
					require.Equal(t, 1, unhealthy)
				}
				n := s.only()
				assert.Equal(t, c.key, n.Key)
				assert.Contains(t, n.Text, c.says)
				assert.Contains(t, n.Text, "usher reconnect")
				assert.Equal(t, []string{c.mail}, n.Mail)
				assert.Equal(t, 1, s.sent.n, "one notice goes out, not one per probe")
				assert.NotContains(t, n.Text, tenantfake.DefaultClientSecret)

				c.repair(s)
				unhealthy, _ = s.probe()
				assert.Zero(t, unhealthy)
				assert.Empty(t, s.open())
				assert.Equal(t, 1, s.sent.n)
			})
		})
	}
}

// What cannot be seen is neither raised nor cleared.
func TestAServiceThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		away := s.server.Fault(tenantfake.Fault{Times: -1, Decision: tenantfake.Decision{Kind: tenantfake.Unavailable}})
		unhealthy, unknown := s.probe()
		assert.Zero(t, unhealthy)
		assert.NotEmpty(t, unknown)
		assert.Empty(t, s.open())
		away()

		s.permit("User.Read.All")
		time.Sleep(time.Hour)
		s.probe()
		require.Len(t, s.open(), 1)
		s.permit("User.Read.All", "Mail.ReadWrite")
		away = s.server.Fault(tenantfake.Fault{Times: -1, Method: http.MethodGet, Decision: tenantfake.Decision{Kind: tenantfake.Unavailable}})
		unhealthy, unknown = s.probe()
		assert.Equal(t, 1, unhealthy)
		assert.NotEmpty(t, unknown)
		assert.Len(t, s.open(), 1, "it may still hold")
		away()
		s.probe()
		assert.Empty(t, s.open())
	})
}

func TestAConnectionThatIsWorkedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		time.Sleep(time.Hour)
		s.permit("User.Read.All")
		s.change(func(a *account.Account) { a.TriedAt = time.Now() })
		_, unknown := s.probe()
		assert.Empty(t, s.open(), "what was given moments ago may not show everywhere")
		require.Len(t, unknown, 1, "and nobody is told that all is well")
		assert.Contains(t, unknown[0], "the consent of "+name+": Cloud App Security connector no longer has the permissions Mail.ReadWrite")
		time.Sleep(time.Hour)
		s.probe()
		require.Len(t, s.open(), 1)

		s.change(func(a *account.Account) { a.State = account.AccountGone })
		s.probe()
		assert.Empty(t, s.open(), "a connection that is no more needs no consent")
	})
}

func TestACertificateThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, cert := certificate(t, time.Now().Add(31*24*time.Hour))
		s := open(t, map[string]string{"AZURE_CLIENT_CERTIFICATE_PATH": path})
		s.tenant.SetCertificates(tenantfake.DefaultClientID, cert)
		s.probe()
		assert.Empty(t, s.open())

		key := "credential.expiring/" + tenantfake.DefaultTenantID + "/" + tenantfake.DefaultClientID
		time.Sleep(2 * 24 * time.Hour)
		s.probe()
		assert.Equal(t, key+"/30", s.only().Key)
		assert.Equal(t, []string{operator}, s.only().Mail)
		assert.Contains(t, s.only().Text, cert.NotAfter.UTC().Format(time.DateOnly))
		time.Sleep(23 * 24 * time.Hour)
		s.probe()
		assert.Equal(t, key+"/7", s.only().Key, "the nearer one takes its place")
		assert.Equal(t, 2, s.sent.n)

		renewed, also := certificate(t, time.Now().Add(365*24*time.Hour))
		s.tenant.SetCertificates(tenantfake.DefaultClientID, []*x509.Certificate{cert, also}...)
		s.env["AZURE_CLIENT_CERTIFICATE_PATH"] = renewed
		s.start()
		s.probe()
		assert.Empty(t, s.open())
	})
}

func TestASecretThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		begins := tenantfake.DefaultClientSecret[:3]
		in := func(days int) time.Time { return time.Now().Add(time.Duration(days) * 24 * time.Hour) }
		s.tenant.Register(tenantfake.Registration{
			ClientID: tenantfake.DefaultClientID, Secrets: []string{"ours", "another's", "over"},
			SecretHints: map[string]string{"ours": begins, "another's": "zzz", "over": begins},
			SecretEnds:  map[string]time.Time{"ours": in(40), "another's": in(2), "over": in(-2)},
		})
		s.probe()
		assert.Empty(t, s.open(), "another secret of the application is not ours to tell of")
		time.Sleep(15 * 24 * time.Hour)
		s.probe()
		assert.Equal(t, fullsync.CredentialExpiring, s.only().Kind)
		assert.Contains(t, s.only().Text, `client secret "ours"`)
		time.Sleep(20 * 24 * time.Hour)
		s.probe()
		assert.Contains(t, s.only().Key, "/7")
	})
}
