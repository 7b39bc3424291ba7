package app

import (
	"context"
	"os"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/host/references"
)

// brought opens passwords that requests bring: from a service, or a file of this machine.
type brought struct{ services *references.Resolver }

const inFile = "file:"

// Resolve gives the password under a reference. A line end at the end of a file does not count.
func (b brought) Resolve(ctx context.Context, ref string) (account.Secret, error) {
	path, local := strings.CutPrefix(ref, inFile)
	if !local {
		return b.services.Resolve(ctx, ref)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return account.Secret{}, fault.Stop(fault.SecretUnavailable, err)
	}
	return account.NewSecret(strings.TrimRight(string(text), "\r\n")), nil
}
