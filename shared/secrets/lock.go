package secrets

import (
	"context"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/usher365/usher/shared/secrets/sealed"
)

const (
	lockName = "vault.lock"
	// lockPause is the time between two looks at a lock that another process holds.
	lockPause = 5 * time.Millisecond
	// lockPatience is far beyond what an operation takes: whoever holds the lock longer hangs.
	lockPatience = 10 * time.Second
)

// alone runs do while no other user of the directory, in this process or another,
// changes anything in it. The system frees the lock of a process that dies.
func alone(ctx context.Context, dir string, do func() error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := filepath.Join(dir, lockName)
	lock := flock.New(path, flock.SetPermissions(fileMode))
	patience, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	locked, err := lock.TryLockContext(patience, lockPause)
	switch {
	case locked:
	case ctx.Err() != nil:
		return ctx.Err()
	case patience.Err() != nil:
		return sealed.Unavailable("another process holds the vault's lock %s for more than %s; look for one that hangs", path, lockPatience)
	default:
		return sealed.Unavailable("lock the vault: %w", err)
	}
	defer func() {
		if e := lock.Close(); e != nil && err == nil {
			err = sealed.Unavailable("unlock the vault: %w", e)
		}
	}()
	return do()
}
