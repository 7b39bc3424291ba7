// Package embedded is the tenant that Usher brings along: the emulator on a TLS
// listener of this machine, with its state kept in a directory. It is reached like
// any real tenant, over the network with real credentials. Its on-premises Active Directory
// and Entra Connect come along too: stand-ins in memory, which no other process reaches.
package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/usher365/usher/shared/domainfake"
	"github.com/usher365/usher/shared/tenantfake"
)

// Options say where the tenant listens and lives. The zero value listens on a free
// port of the loopback address and keeps nothing.
type Options struct {
	// Dir keeps the tenant's state and the certificate of its authority. Empty keeps nothing.
	Dir string
	// Listen is host:port. Empty means 127.0.0.1 and a free port.
	Listen string
	// Replication is how long Exchange takes to hear of a change, and how often Entra
	// Connect takes over what the directory on premises holds. Zero means 20 minutes, and
	// 30 for Entra Connect; negative none.
	Replication time.Duration
	// CallBack is where the consent pages of the vendors' applications may send the
	// browser. Empty lets nobody consent there.
	CallBack string
}

// The files in Options.Dir.
const (
	StateFile     = "tenant.json"
	DirectoryFile = "directory.json"
	CAFile        = "tenant-ca.pem"
	lockFile      = "tenant.lock"
)

// ErrLocked says that another process runs the tenant of this directory.
var ErrLocked = errors.New("the embedded tenant of this directory is in use by another process")

// Tenant is the running emulator with its tenant, Contoso, and that of the vendors whose
// applications the built-in profiles name.
type Tenant struct {
	Server *tenantfake.Server
	// Directory is the tenant's Active Directory on premises.
	Directory *domainfake.Domain
	// URL is where sign-in, Graph and Exchange listen: https://host:port.
	URL string

	dir      string
	lock     *flock.Flock
	listener *tenantfake.Listener
	saving   sync.Mutex
	saved    error // the first failure to save
	stop     func()
	// disconnect ends Entra Connect.
	disconnect func()
}

// Open starts the tenant, with the state of the last time where there is one.
func Open(o Options) (*Tenant, error) {
	t := &Tenant{Server: tenantfake.New(tenantfake.Options{}), Directory: domainfake.New(), dir: o.Dir, stop: func() {}}
	if err := t.own(); err != nil {
		return nil, err
	}
	if err := t.start(o); err != nil {
		return nil, errors.Join(err, t.disown())
	}
	return t, nil
}

// own takes the directory: two processes would write each other's state over.
func (t *Tenant) own() error {
	if t.dir == "" {
		return nil
	}
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return fmt.Errorf("use the data directory: %w", err)
	}
	t.lock = flock.New(filepath.Join(t.dir, lockFile))
	mine, err := t.lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the data directory: %w", err)
	}
	if !mine {
		return fmt.Errorf("%s: %w", t.dir, ErrLocked)
	}
	return nil
}

func (t *Tenant) disown() error {
	if t.lock == nil {
		return nil
	}
	return t.lock.Unlock()
}

func (t *Tenant) start(o Options) error {
	spec := tenantfake.DefaultTenant()
	spec.Users = append(spec.Users, byHand)
	spec.Replication = o.Replication
	contoso := t.Server.AddTenant(spec)
	t.Server.AddVendors(o.CallBack)
	if err := t.load(); err != nil {
		return err
	}
	listener, err := t.Server.Start(o.Listen)
	if err != nil {
		return err
	}
	t.listener, t.URL = listener, listener.URL
	if err := t.keep(); err != nil {
		return errors.Join(err, listener.Close())
	}
	t.connect(contoso, o.Replication)
	return nil
}

// load brings back the state of the last time.
func (t *Tenant) load() error {
	err := t.read(StateFile, t.Server.Load)
	if err != nil {
		return err
	}
	return t.read(DirectoryFile, t.Directory.Load)
}

// read gives a file of the directory to load; one that is not there is the first time.
func (t *Tenant) read(name string, load func(io.Reader) error) error {
	if t.dir == "" {
		return nil
	}
	path := filepath.Join(t.dir, name)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the embedded tenant: %w", err)
	}
	if err := load(bytes.NewReader(b)); err != nil {
		return fmt.Errorf("read the embedded tenant from %s (move it away to begin with a new one): %w", path, err)
	}
	return nil
}

// keep writes the certificate, and the state from now on before each change is
// answered: a killed process must not leave a ledger that knows more than its tenant.
func (t *Tenant) keep() error {
	if t.dir == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(t.dir, CAFile), t.listener.CACertPEM, 0o644); err != nil {
		return fmt.Errorf("write the certificate of the embedded tenant: %w", err)
	}
	t.stop = t.Server.Subscribe(func(c tenantfake.Call) {
		if c.Write() {
			t.save()
		}
	})
	t.Directory.Keep = func(s domainfake.State) { t.write(DirectoryFile, s.Save) }
	return nil
}

func (t *Tenant) save() { t.write(StateFile, t.Server.Save) }

// write replaces a file of the directory in one step.
func (t *Tenant) write(name string, save func(io.Writer) error) {
	t.saving.Lock()
	defer t.saving.Unlock()
	var b bytes.Buffer
	path := filepath.Join(t.dir, name)
	err := save(&b)
	if err == nil {
		err = os.WriteFile(path+".new", b.Bytes(), 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil && t.saved == nil {
		t.saved = fmt.Errorf("keep the embedded tenant: %w", err)
	}
}

// Client trusts the tenant's certificate.
func (t *Tenant) Client() *http.Client { return t.listener.Client() }

// CACert is the path of the certificate of its authority; empty without a directory.
func (t *Tenant) CACert() string {
	if t.dir == "" {
		return ""
	}
	path := filepath.Join(t.dir, CAFile)
	if whole, err := filepath.Abs(path); err == nil {
		return whole // it goes into an environment that other directories see
	}
	return path
}

// Variable is an environment variable.
type Variable struct{ Name, Value string }

// Environment is what a process needs to work on this tenant. The secret in it opens
// nothing but the emulator.
func (t *Tenant) Environment() []Variable {
	vars := []Variable{
		{"AZURE_TENANT_ID", tenantfake.DefaultTenantID},
		{"AZURE_CLIENT_ID", tenantfake.DefaultClientID},
		{"USHER_CONSENTS_CLIENT_ID", tenantfake.DefaultConsentsClientID},
		{"AZURE_CLIENT_SECRET", tenantfake.DefaultClientSecret},
		{"USHER_LOGIN_ENDPOINT", t.URL},
		{"USHER_GRAPH_ENDPOINT", t.URL},
		{"USHER_EXCHANGE_ENDPOINT", t.URL},
	}
	if path := t.CACert(); path != "" {
		vars = append(vars, Variable{"SSL_CERT_FILE", path})
	}
	return vars
}

// Close saves the state and stops the listener. It also reports a save that failed before.
func (t *Tenant) Close() error {
	t.disconnect()
	t.stop()
	if t.dir != "" {
		t.save()
	}
	t.saving.Lock()
	defer t.saving.Unlock()
	return errors.Join(t.saved, t.listener.Close(), t.disown())
}

// byHand is an unlicensed account that somebody made before Usher came: what a
// request with account.mode existing adopts.
var byHand = tenantfake.UserSpec{User: tenantfake.User{
	UserPrincipalName: "mail.operations@contoso.onmicrosoft.com", DisplayName: "Mail Operations",
	MailNickname: "mail.operations", UsageLocation: "GB", AccountEnabled: true,
}}
