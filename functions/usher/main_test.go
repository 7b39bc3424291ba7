package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/usher/embedded"
	"github.com/usher365/usher/functions/usher/scenetest"
)

// outside is a tenant that is reached as a real one is: over TLS, with the certificate
// of its authority in SSL_CERT_FILE, which the process reads once. slow is one more, whose
// Exchange takes a moment, and trust what signs for namespaces outside.
var (
	outside, slow *embedded.Tenant
	trust         *scenetest.Authority
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "usher-test-")
	if err == nil {
		err = openOutside(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if errors.Join(outside.Close(), slow.Close(), os.RemoveAll(dir)) != nil {
		code = 1
	}
	os.Exit(code)
}

func openOutside(dir string) (err error) {
	if outside, err = embedded.Open(embedded.Options{Dir: filepath.Join(dir, "outside"), Replication: -1}); err != nil {
		return err
	}
	if slow, err = embedded.Open(embedded.Options{Dir: filepath.Join(dir, "slow"), Replication: 200 * time.Millisecond}); err != nil {
		return err
	}
	var trusted []byte
	for _, tenant := range []*embedded.Tenant{outside, slow} {
		text, err := os.ReadFile(tenant.CACert())
		if err != nil {
			return err
		}
		trusted = append(trusted, text...)
	}
	if trust, err = scenetest.NewAuthority(); err != nil {
		return err
	}
	path := filepath.Join(dir, "trusted.pem")
	if err := os.WriteFile(path, append(trusted, trust.PEM()...), 0o600); err != nil {
		return err
	}
	return os.Setenv("SSL_CERT_FILE", path)
}

// shell runs usher as a shell does, with a data directory and an environment of its own.
type shell struct {
	*testing.T
	dir string
	env map[string]string
}

func newShell(t *testing.T) *shell {
	return &shell{T: t, dir: filepath.Join(t.TempDir(), "data"), env: map[string]string{}}
}

// real points the shell at the tenant outside.
func (s *shell) real() *shell { return s.on(outside) }

func (s *shell) on(tenant *embedded.Tenant) *shell {
	for _, v := range tenant.Environment() {
		s.env[v.Name] = v.Value
	}
	s.env["USHER_WEBHOOK_SECRET"] = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	s.env["USHER_API_TOKEN"] = "token"
	return s
}

type result struct {
	code     int
	out, err string
}

func (s *shell) run(args ...string) result {
	return s.with(s.Context(), "", args...)
}

func (s *shell) with(ctx context.Context, stdin string, args ...string) result {
	var out, errs scenetest.Journal
	env := func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }
	code := run(ctx, append([]string{"--data", s.dir}, args...), env, strings.NewReader(stdin), &out, &errs)
	return result{code, out.String(), errs.String()}
}

// ok runs a command that must succeed, and gives what it wrote.
func (s *shell) ok(args ...string) string {
	s.Helper()
	r := s.run(args...)
	require.Equal(s, exitOK, r.code, "usher %v\n%s\n%s", args, r.out, r.err)
	return r.out
}

// json runs a listing and decodes it.
func (s *shell) json(out any, args ...string) {
	s.Helper()
	text := s.ok(append(args, "--json")...)
	require.NoError(s, json.Unmarshal([]byte(text), out), "%s", text)
}

// serve runs a server until the test ends, and waits until it answers.
func (s *shell) serve(args ...string) {
	s.Helper()
	ctx, stop := context.WithCancel(s.Context())
	ended := make(chan result, 1)
	go func() { ended <- s.with(ctx, "", append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...) }()
	s.Cleanup(func() {
		stop()
		r := <-ended
		assert.Equal(s, exitOK, r.code, "%s", r.err)
		assert.NoFileExists(s, filepath.Join(s.dir, serverFile))
	})
	require.Eventually(s, func() bool { _, ok := running(s.Context(), s.dir); return ok }, 20*time.Second, 5*time.Millisecond)
}
