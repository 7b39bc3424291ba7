package servicebus

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"math/big"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/queuetest"
	"github.com/usher365/usher/shared/servicebusfake"
)

const connectionString = "Endpoint=sb://fake.local;SharedAccessKeyName=any;SharedAccessKey=c2VjcmV0;UseDevelopmentEmulator=true"

// TestMain lets many cases wait side by side: those over TLS do little else.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestConformanceOverPipe(t *testing.T) {
	queuetest.Run(t, queuetest.Features{Virtual: true}, openOverPipe)
}

func TestTheSuiteNoticesARetryThatVanishes(t *testing.T) { queuetest.RunMutation(t, openOverPipe) }

func openOverPipe(tb testing.TB, s queuetest.Settings) queuetest.Harness {
	return overPipe(newFake(tb, s, 30*time.Second)).harness(tb)
}

// TestConformanceOverTLS runs on a loopback port, with a credential, as in production.
func TestConformanceOverTLS(t *testing.T) {
	certificate, roots := selfSigned(t)
	f := queuetest.Features{Lock: 2 * time.Second, Late: 10 * time.Second, Parallel: true}
	queuetest.Run(t, f, func(tb testing.TB, s queuetest.Settings) queuetest.Harness {
		fake := newFake(tb, s, f.Lock)
		n := namespace{fake: fake, open: func() (Options, func()) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
			require.NoError(tb, err)
			go func() { assert.NoError(tb, fake.Serve(l)) }()
			o := Options{
				Namespace: "fake.local", Credential: credential{}, Endpoint: l.Addr().String(),
				TLS: &tls.Config{RootCAs: roots, ServerName: "fake.local"},
			}
			return o, func() { assert.NoError(tb, l.Close()) }
		}}
		return n.harness(tb)
	})
}

// credential gives the token that the fake wants.
type credential struct{}

func (credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: strings.Join(o.Scopes, " "), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// selfSigned makes a certificate for fake.local and the roots that trust it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"fake.local"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// namespace is a fake namespace and the ways to it.
type namespace struct {
	fake *servicebusfake.Server
	// open gives a new way, and what closes it.
	open func() (o Options, shut func())
}

// overPipe makes a namespace that is reached without a network.
func overPipe(fake *servicebusfake.Server) namespace {
	return namespace{fake: fake, open: func() (Options, func()) {
		var dead atomic.Bool
		dial := func(ctx context.Context) (net.Conn, error) {
			if dead.Load() {
				return nil, errors.New("the process is dead")
			}
			return fake.Dial(ctx)
		}
		return Options{ConnectionString: connectionString, Dial: dial}, func() { dead.Store(true) }
	}}
}

// newFake makes a namespace with the queues of the suite.
func newFake(tb testing.TB, s queuetest.Settings, lock time.Duration) *servicebusfake.Server {
	settings := servicebusfake.QueueSettings{
		Lock: lock, MaxDeliveries: 2000, DetectDuplicates: true, DuplicateWindow: cmp.Or(s.DuplicateWindow, queue.DuplicateWindow),
	}
	parkedSettings := settings
	parkedSettings.MaxDeliveries = 3 // parked messages that are looked at wear out, and are found all the same
	fake := servicebusfake.New(servicebusfake.Options{
		Queues:     map[string]servicebusfake.QueueSettings{"work": settings, "other": settings, Parked: parkedSettings},
		CheckToken: checkToken,
	})
	tb.Cleanup(func() { require.NoError(tb, fake.Close()) })
	return fake
}

// checkToken takes a signature or the credential's token.
func checkToken(token, _ string) error {
	if !strings.HasPrefix(token, "SharedAccessSignature ") && token != "https://servicebus.azure.net//.default" {
		return errors.New("not a token that was given out")
	}
	return nil
}

func (n namespace) connect(tb testing.TB) (q *Queue, die func()) {
	o, die := n.open()
	o.Queues = []string{"work", "other"}
	o.Observe = func(queue.Incident) {}
	q, err := New(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, q.Close()) })
	return q, die
}

func (n namespace) harness(tb testing.TB) queuetest.Harness {
	q, die := n.connect(tb)
	return queuetest.Harness{
		Engine:      q,
		ExpireLocks: n.fake.ExpireLocks,
		Reopen: func() queuetest.Engine {
			require.NoError(tb, q.Close())
			q, die = n.connect(tb)
			return q
		},
		Crash: func() queuetest.Engine {
			die()
			n.fake.CutConnections()
			n.fake.ExpireLocks() // the locks of the dead end with time
			q, die = n.connect(tb)
			return q
		},
		Park: func(reason, text string, dies bool) { park(tb, q, reason, text, dies) },
	}
}
