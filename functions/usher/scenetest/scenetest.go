// Package scenetest is what lies around processes of Usher in tests: a tenant, an address
// that is free, the binaries, and what they write. The file namespace.go has Service Bus.
package scenetest

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

// Tenant is tenantfake.DefaultTenant behind TLS, with an Exchange that follows in a moment.
type Tenant struct {
	*tenantfake.Tenant
	Server *tenantfake.Server
	// CA is the certificate to trust, in PEM.
	CA []byte
	// Env points a process at the tenant, but for the certificate.
	Env []string
	// UsersBefore and RolesBefore are how many users and role assignments it began with.
	UsersBefore, RolesBefore int
}

// NewTenant serves a tenant until the test ends.
func NewTenant(t *testing.T) *Tenant {
	t.Helper()
	spec := tenantfake.DefaultTenant()
	spec.Replication = 300 * time.Millisecond
	server := tenantfake.New(tenantfake.Options{})
	world := server.AddTenant(spec)
	server.AddVendors()
	l, err := server.Start("")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return &Tenant{
		Tenant: world, Server: server, CA: l.CACertPEM, UsersBefore: len(world.Users()), RolesBefore: len(world.RoleAssignments()),
		Env: []string{
			"AZURE_TENANT_ID=" + tenantfake.DefaultTenantID,
			"AZURE_CLIENT_ID=" + tenantfake.DefaultClientID, "AZURE_CLIENT_SECRET=" + tenantfake.DefaultClientSecret,
			"USHER_CONSENTS_CLIENT_ID=" + tenantfake.DefaultConsentsClientID,
			"USHER_LOGIN_ENDPOINT=" + l.URL, "USHER_GRAPH_ENDPOINT=" + l.URL, "USHER_EXCHANGE_ENDPOINT=" + l.URL,
		},
	}
}

// FreeAddress finds an address of this machine that nobody listens at.
func FreeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// Build makes the binary of a package of this module at path, as make does, so that
// nothing large is compiled again.
func Build(path, pkg string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	build := exec.Command("go", append(args, "github.com/usher365/usher/"+pkg)...)
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// Journal is what processes write; several may do so at once.
type Journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to it.
func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// String is all of it.
func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
