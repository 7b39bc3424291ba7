package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"filippo.io/age"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// ErrNotSealed is wrapped by Open when nothing is sealed under the reference.
var ErrNotSealed = errors.New("nothing is sealed under this reference")

const (
	refPrefix = "file:"
	suffix    = ".age"
	dirMode   = 0o700
	fileMode  = 0o600
)

// Options of a FileVault.
type Options struct {
	// KeyFile is where the vault's key lies, for keeping it apart from what it
	// opens. Empty means vault.key in the vault's directory.
	KeyFile string
}

// FileVault keeps passwords in files, each encrypted with age to the vault's own
// key. It is safe for concurrent use in one process; two processes must not share a
// directory.
type FileVault struct {
	dir      string
	identity *age.X25519Identity
	mu       sync.Mutex
}

// OpenFileVault opens the vault in dir, and makes directory and key at the first
// run. It refuses a key that others may read, and a missing key where passwords are
// sealed already, for a new key could not open them. Errors are fault.SecretUnavailable.
func OpenFileVault(dir string, o Options) (*FileVault, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, unavailable("make the vault's directory: %w", err)
	}
	if o.KeyFile == "" {
		o.KeyFile = filepath.Join(dir, keyName)
	}
	identity, err := openKey(o.KeyFile, dir)
	if err != nil {
		return nil, err
	}
	return &FileVault{dir: dir, identity: identity}, nil
}

// SealOnce gives what is sealed under key, "<tenant>/<account>". When there is
// nothing yet it calls create, seals the answer, and only then gives it out, so that a
// create that was cut short finds the same password again. The reference is safe to
// store and to show. Errors are fault.SecretUnavailable, or what create gave.
func (v *FileVault) SealOnce(ctx context.Context, key string, create func() (account.Secret, error)) (ref string, s account.Secret, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	ref = refPrefix + key
	s, err = v.open(ctx, key)
	if !errors.Is(err, ErrNotSealed) {
		return ref, s, err
	}
	if s, err = create(); err != nil {
		return "", account.Secret{}, err
	}
	if err := v.seal(key, s); err != nil {
		return "", account.Secret{}, err
	}
	return ref, s, nil
}

// Replace seals a new password under key, whatever lies there.
func (v *FileVault) Replace(ctx context.Context, key string, s account.Secret) (ref string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.seal(key, s); err != nil {
		return "", err
	}
	return refPrefix + key, nil
}

// Open gives what is sealed under a reference; ErrNotSealed when nothing is.
func (v *FileVault) Open(ctx context.Context, ref string) (account.Secret, error) {
	key, err := keyOf(ref)
	if err != nil {
		return account.Secret{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open(ctx, key)
}

// Discard removes what is sealed under a reference. Nothing there is success.
func (v *FileVault) Discard(ctx context.Context, ref string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	key, err := keyOf(ref)
	if err != nil {
		return err
	}
	path, err := v.path(key)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unavailable("discard %s: %w", ref, err)
	}
	return nil
}

func (v *FileVault) open(ctx context.Context, key string) (account.Secret, error) {
	if err := ctx.Err(); err != nil {
		return account.Secret{}, err
	}
	path, err := v.path(key)
	if err != nil {
		return account.Secret{}, err
	}
	sealed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return account.Secret{}, unavailable("%s%s: %w", refPrefix, key, ErrNotSealed)
	}
	if err != nil {
		return account.Secret{}, unavailable("read a sealed password: %w", err)
	}
	text, err := v.decrypt(sealed)
	if err != nil {
		return account.Secret{}, unavailable("%s cannot be opened: %w", path, err)
	}
	return account.NewSecret(text), nil
}

// decrypt leaves out age's own words: they quote what they could not read.
func (v *FileVault) decrypt(sealed []byte) (string, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), v.identity)
	if _, other := errors.AsType[*age.NoIdentityMatchError](err); other {
		return "", errors.New("it was sealed with another key; restore vault and key from one backup")
	}
	if err != nil {
		return "", errDamaged
	}
	text, err := io.ReadAll(r)
	if err != nil || len(text) == 0 {
		return "", errDamaged
	}
	return string(text), nil
}

var errDamaged = errors.New("the file is damaged; restore it from a backup")

func (v *FileVault) seal(key string, s account.Secret) error {
	if s.IsZero() {
		return unavailable("an empty password is not sealed")
	}
	path, err := v.path(key)
	if err != nil {
		return err
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, v.identity.Recipient())
	if err != nil {
		return unavailable("seal a password: %w", err)
	}
	if _, err := io.WriteString(w, s.Reveal()); err != nil {
		return unavailable("seal a password: %w", err)
	}
	if err := w.Close(); err != nil {
		return unavailable("seal a password: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return unavailable("make the tenant's directory in the vault: %w", err)
	}
	return writeDurably(path, sealed.Bytes())
}

// part is one half of a key: nothing that means something to a file system.
var part = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$`)

func (v *FileVault) path(key string) (string, error) {
	tenant, name, ok := strings.Cut(key, "/")
	if !ok || !part.MatchString(tenant) || !part.MatchString(name) {
		return "", unavailable("%q is not the key of a password; it must be TENANT/ACCOUNT in letters, digits and . _ @ -", key)
	}
	return filepath.Join(v.dir, tenant, name+suffix), nil
}

func keyOf(ref string) (string, error) {
	key, ours := strings.CutPrefix(ref, refPrefix)
	if !ours {
		return "", unavailable("%q is not a reference of the file vault, which begin with %s", ref, refPrefix)
	}
	return key, nil
}

func unavailable(format string, args ...any) error {
	return fault.Retry(fault.SecretUnavailable, 0, fmt.Errorf(format, args...))
}
