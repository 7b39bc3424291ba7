package secrets

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets/sealed"
)

// ErrNotSealed is wrapped by Open when nothing is sealed under the reference.
var ErrNotSealed = sealed.ErrNotSealed

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
// key. It is safe for concurrent use, also by several processes on one directory: what
// changes something holds the lock file vault.lock in it. On a network file system
// that needs flock to work between machines, as it does on NFS 4 and Amazon EFS.
type FileVault struct {
	dir      string
	identity *age.X25519Identity
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
	v := &FileVault{dir: dir}
	err := alone(context.Background(), dir, func() (err error) {
		if err := sweep(dir); err != nil {
			return err
		}
		v.identity, err = openKey(o.KeyFile, dir)
		return err
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// SealOnce gives what is sealed under key, "<tenant>/<account>". When there is
// nothing yet it calls create, seals the answer, and only then gives it out, so that a
// create that was cut short finds the same password again. The reference is safe to
// store and to show. Errors are fault.SecretUnavailable, or what create gave.
func (v *FileVault) SealOnce(ctx context.Context, key string, create func() (account.Secret, error)) (ref string, s account.Secret, err error) {
	err = alone(ctx, v.dir, func() (err error) {
		if s, err = v.open(key); !errors.Is(err, ErrNotSealed) {
			return err
		}
		if s, err = create(); err != nil {
			return err
		}
		return v.seal(key, s)
	})
	if err != nil {
		return "", account.Secret{}, err
	}
	return refPrefix + key, s, nil
}

// Replace seals a new password under key, whatever lies there.
func (v *FileVault) Replace(ctx context.Context, key string, s account.Secret) (ref string, err error) {
	if err := alone(ctx, v.dir, func() error { return v.seal(key, s) }); err != nil {
		return "", err
	}
	return refPrefix + key, nil
}

// Open gives what is sealed under a reference; ErrNotSealed when nothing is. It needs
// no lock, for a file is put in place whole.
func (v *FileVault) Open(ctx context.Context, ref string) (account.Secret, error) {
	if err := ctx.Err(); err != nil {
		return account.Secret{}, err
	}
	key, err := keyOf(ref)
	if err != nil {
		return account.Secret{}, err
	}
	return v.open(key)
}

// Discard removes what is sealed under a reference. Nothing there is success.
func (v *FileVault) Discard(ctx context.Context, ref string) error {
	key, err := keyOf(ref)
	if err != nil {
		return err
	}
	path, err := v.path(key)
	if err != nil {
		return err
	}
	return alone(ctx, v.dir, func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unavailable("discard %s: %w", ref, err)
		}
		return nil
	})
}

func (v *FileVault) open(key string) (account.Secret, error) {
	path, err := v.path(key)
	if err != nil {
		return account.Secret{}, err
	}
	envelope, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return account.Secret{}, unavailable("%s%s: %w", refPrefix, key, ErrNotSealed)
	}
	if err != nil {
		return account.Secret{}, unavailable("read a sealed password: %w", err)
	}
	text, err := v.decrypt(envelope)
	if err != nil {
		return account.Secret{}, unavailable("%s cannot be opened: %w", path, err)
	}
	return account.NewSecret(text), nil
}

// decrypt leaves out age's own words: they quote what they could not read.
func (v *FileVault) decrypt(envelope []byte) (string, error) {
	r, err := age.Decrypt(bytes.NewReader(envelope), v.identity)
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
		return sealed.Refused("%w", sealed.ErrEmpty)
	}
	path, err := v.path(key)
	if err != nil {
		return err
	}
	var envelope bytes.Buffer
	w, err := age.Encrypt(&envelope, v.identity.Recipient())
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
	return writeDurably(path, envelope.Bytes())
}

func (v *FileVault) path(key string) (string, error) {
	tenant, name, err := sealed.Split(key)
	if err != nil {
		return "", err
	}
	return filepath.Join(v.dir, tenant, name+suffix), nil
}

func keyOf(ref string) (string, error) {
	key, ours := strings.CutPrefix(ref, refPrefix)
	if !ours {
		return "", sealed.Refused("%q is not a reference of the file vault, which begin with %s", ref, refPrefix)
	}
	return key, nil
}

var unavailable = sealed.Unavailable
