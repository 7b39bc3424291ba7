package sambatest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// errMissing says how to get what is missing.
var errMissing = errors.New("Samba's domain controller is not installed: apt-get install samba samba-ad-provision samba-dsdb-modules samba-vfs-modules")

// errNotRoot is for a machine that has it, and a user who cannot start it.
var errNotRoot = errors.New("only root can start Samba's domain controller: it listens on the ports 389 and 636, which cannot be changed, and provisions as root only")

// startTimeout is how long provisioning and the start may take; four to five seconds
// are usual.
const startTimeout = 2 * time.Minute

const (
	realm         = "CORP.EXAMPLE"
	baseDN        = "DC=corp,DC=example"
	adminPassword = "Domain-Admin-0815"
)

// configuration is of a controller that does nothing but LDAP, at an address of its own.
const configuration = `[global]
netbios name = DC1
workgroup = CORP
realm = ` + realm + `
server role = active directory domain controller
server services = ldap
dcerpc endpoint servers = epmapper
interfaces = %[2]s/8
bind interfaces only = yes
private dir = %[1]s/private
lock directory = %[1]s/lock
state directory = %[1]s/state
cache directory = %[1]s/cache
pid directory = %[1]s/pid
ncalrpc dir = %[1]s/ncalrpc
binddns dir = %[1]s/dns
winbindd socket directory = %[1]s/winbindd
ntp signd socket directory = %[1]s/ntp
tls enabled = yes
tls certfile = %[1]s/server.pem
tls keyfile = %[1]s/server.key
tls cafile = %[1]s/ca.pem
ldb:nosync = true
tdb:nosync = true
[sysvol]
path = %[1]s/state/sysvol
[netlogon]
path = %[1]s/state/sysvol/corp.example/scripts
`

// script provisions a domain in $1, with the password $2 for its administrator, or takes
// the one that lies in $4 as it was provisioned, and runs its controller at the address
// $3 until standard input ends, which it does when this process is gone. The end of the
// log goes to standard error, for it is removed with the rest.
const script = `
set -eu
trap 'tail -n 30 "$1/log" >&3 || true; rm -rf "$1"' EXIT
exec 3>&2 >"$1/log" 2>&1
if [ -n "$4" ]; then
	cp -a "$4/fresh/." "$1"
else
	samba-tool domain provision --configfile="$1/smb.conf" --quiet --realm=` + realm + ` --domain=CORP --server-role=dc \
		--dns-backend=NONE --host-name=dc1 --host-ip="$3" --adminpass="$2" </dev/null
	mkdir "$1/fresh"
	cp -a "$1/private" "$1/state" "$1/fresh"
fi
samba --interactive --no-process-group --debug-stdout --model=single --configfile="$1/smb.conf" </dev/null 3>&- &
cat >/dev/null
kill -TERM $!
wait $! || true
`

// server is a running controller.
type server struct {
	dir, host string
	authority *authority
	stdin     io.Closer
	ended     chan error
	// last is the end of the log, to be read when it has ended.
	last bytes.Buffer
}

// theServer ends with the test binary.
var theServer = sync.OnceValues(func() (*server, error) { return start(context.Background(), "") })

// started counts the controllers of this process.
var started atomic.Int32

// start starts a controller, of a new domain or of one that lies in a directory as it was
// provisioned, or fails with errMissing or errNotRoot.
func start(ctx context.Context, like string) (*server, error) {
	if err := installed(); err != nil {
		return nil, err
	}
	host, err := address(os.Getpid(), int(started.Add(1)))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "usher-samba-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, host: host, ended: make(chan error, 1)}
	if s.authority, err = newAuthority(host); err != nil {
		return nil, err
	}
	if err := s.authority.write(dir); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "smb.conf"), fmt.Appendf(nil, configuration, dir, host), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", script, "sh", dir, adminPassword, host, like)
	cmd.Dir, cmd.SysProcAttr, cmd.Stderr = dir, ownGroup(), &s.last
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- cmd.Wait() }()
	return s, s.await(ctx)
}

func installed() error {
	for _, program := range []string{"samba", "samba-tool"} {
		if _, err := exec.LookPath(program); err != nil {
			return errMissing
		}
	}
	// Debian keeps what a new domain is made of in a package that is only recommended.
	if _, err := os.Stat("/usr/share/samba/setup/provision.ldif"); err != nil {
		return errMissing
	}
	if os.Geteuid() != 0 {
		return errNotRoot
	}
	return nil
}

// address is a loopback address for each process (Linux has 22 bits of them) and each of
// three controllers in it: the ports are always the same ones.
func address(pid, controller int) (string, error) {
	if controller > 3 {
		return "", errors.New("a test binary has three controllers at most")
	}
	n := controller<<22 | pid&(1<<22-1)
	return fmt.Sprintf("127.%d.%d.%d", n>>16, n>>8&0xff, n&0xff), nil
}

func (s *server) endpoint() string { return net.JoinHostPort(s.host, "636") }

// close stops the controller and removes its directory.
func (s *server) close() error {
	if err := s.stdin.Close(); err != nil {
		return err
	}
	<-s.ended
	return nil
}

// await waits until the controller answers over TLS.
func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: s.authority.roots}}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", s.endpoint())
		if err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case status := <-s.ended:
			return fmt.Errorf("the domain controller ended (%v); its log: %s", status, s.last.String())
		case <-ctx.Done():
			return fmt.Errorf("%w; its log: %s", err, s.log())
		}
	}
}

// log is what the controller wrote; without it the error says less.
func (s *server) log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return strings.TrimSpace(string(text))
}
