package secrets

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"filippo.io/age"
)

const keyName = "vault.key"

// openKey reads the vault's key, or makes it while nothing is sealed.
func openKey(path, dir string) (*age.X25519Identity, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newKey(path, dir)
	}
	if err != nil {
		return nil, unavailable("look at the vault's key: %w", err)
	}
	if others := info.Mode().Perm() & 0o077; others != 0 && runtime.GOOS != "windows" {
		return nil, unavailable("others may read the vault's key %s (mode %04o); run: chmod 600 %[1]s", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, unavailable("read the vault's key: %w", err)
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		// The cause is left out: it could quote the key.
		return nil, unavailable("%s does not hold an age key; restore it from a backup", path)
	}
	return identity, nil
}

func newKey(path, dir string) (*age.X25519Identity, error) {
	passwords, err := fs.Glob(os.DirFS(dir), "*/*"+suffix)
	if err != nil {
		return nil, unavailable("look into the vault: %w", err)
	}
	if len(passwords) > 0 {
		return nil, unavailable("the vault's key %s is missing, but %d sealed passwords need it; restore it from a backup", path, len(passwords))
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, unavailable("make the vault's key: %w", err)
	}
	return identity, writeDurably(path, []byte(identity.String()+"\n"))
}

// halfWritten is the pattern of files that are being written.
const halfWritten = ".writing-*"

// sweep removes what a process that died was writing. Whoever holds the lock may: nobody else writes.
func sweep(dir string) error {
	for _, pattern := range []string{halfWritten, "*/" + halfWritten} {
		left, err := fs.Glob(os.DirFS(dir), pattern)
		for _, path := range left {
			err = errors.Join(err, os.Remove(filepath.Join(dir, path)))
		}
		if err != nil {
			return unavailable("remove what was left half-written in the vault: %w", err)
		}
	}
	return nil
}

// writeDurably puts a whole file in place, or leaves what was there, also when the
// machine stops in between. CreateTemp makes files with mode 0600.
func writeDurably(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), halfWritten)
	if err != nil {
		return unavailable("write into the vault: %w", err)
	}
	_, err = temp.Write(content)
	err = errors.Join(err, temp.Chmod(fileMode), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return unavailable("write into the vault: %w", errors.Join(err, os.Remove(temp.Name())))
	}
	return syncDirs(filepath.Dir(path))
}

// syncDirs makes the new name durable, and that of its directory, which may be new too.
func syncDirs(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		f, err := os.Open(d)
		if err != nil {
			return unavailable("make the vault durable: %w", err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return unavailable("make the vault durable: %w", err)
		}
	}
	return nil
}
