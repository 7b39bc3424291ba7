// Package sealed is what every vault of passwords agrees on, whatever keeps it: the
// keys passwords are sealed under, and what a failure means.
package sealed

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/usher365/usher/shared/fault"
)

// ErrNotSealed is wrapped by Open when nothing is sealed under the reference.
var ErrNotSealed = errors.New("nothing is sealed under this reference")

// ErrEmpty is wrapped by SealOnce and Replace when there is no password to seal.
var ErrEmpty = errors.New("an empty password is not sealed")

// Description is what a vault that takes a remark notes beside a password.
const Description = "Password of a service account, sealed by Usher"

// part is one half of a key: nothing that means something to a file system or in a URL.
var part = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$`) })

// Split gives the halves of a key, "<tenant>/<account>". Each has 1 to 128 letters,
// digits and . _ @ -, a letter or digit first. The error is permanent.
func Split(key string) (tenant, account string, err error) {
	tenant, account, ok := strings.Cut(key, "/")
	if !ok || !part().MatchString(tenant) || !part().MatchString(account) {
		return "", "", Refused("%q is not the key of a password; it must be TENANT/ACCOUNT in letters, digits and . _ @ -", key)
	}
	return tenant, account, nil
}

// Unavailable reports a failure that may pass by itself: fault.SecretUnavailable, transient.
func Unavailable(format string, args ...any) error {
	return UnavailableFor(0, format, args...)
}

// UnavailableFor is Unavailable with the time the service asked us to stay away; zero
// when it did not say.
func UnavailableFor(after time.Duration, format string, args ...any) error {
	return fault.Retry(fault.SecretUnavailable, after, fmt.Errorf(format, args...))
}

// Refused reports a failure that a person must put right: fault.SecretUnavailable, permanent.
func Refused(format string, args ...any) error {
	return fault.Stopf(fault.SecretUnavailable, format, args...)
}
