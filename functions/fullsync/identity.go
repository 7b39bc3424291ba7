package fullsync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// warnings are the days before its end at which a credential is told about, the longest first.
var warnings = []int{30, 7}

// identity looks at one of our own applications in the tenant: whether it can sign in, and
// when it no longer can.
func (l *health) identity(ctx context.Context, i Identity) {
	app := cmp.Or(i.Own.ClientID(), "managed-identity")
	key := l.key(CredentialInvalid, app)
	err := i.SignIn.FreshToken(ctx, l.tenant.ID)
	switch {
	case err == nil:
		l.well(key)
	case refused(err):
		l.trouble(CredentialInvalid, key, fmt.Sprintf("Usher cannot sign in to tenant %s as application %s: %s. 'usher reconnect %s' says what to renew, and looks again.",
			l.tenant.Alias, app, inWords(err), l.tenant.Alias))
	default:
		l.cannotSee("whether application "+app+" can sign in", err)
	}
	if what, ends, known := l.ending(ctx, i, app); known {
		l.expiry(app, what, ends)
	}
}

// inWords is what a fault says, on one line and without its code.
func inWords(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		err = f.Err
	}
	return strings.TrimRight(strings.Join(strings.Fields(err.Error()), " "), ".")
}

// ending is which credential of ours ends, and when: zero for one that does not, or that
// is told under another tenant.
func (l *health) ending(ctx context.Context, i Identity, app string) (what string, ends time.Time, known bool) {
	if ends := i.Own.CertificateEnds(); !ends.IsZero() && l.tenant.ID == l.First {
		return "certificate", ends, true
	}
	if !i.Own.HasSecret() {
		return "", time.Time{}, true
	}
	secrets, err := l.Consents.Secrets(ctx, l.tenant.ID, app)
	if err != nil {
		l.cannotSee("when the client secret of application "+app+" ends", err)
		return "", time.Time{}, false
	}
	// What has ended is not what signs in; the sign-in tells of that.
	ours := slices.DeleteFunc(secrets, func(s account.ClientSecret) bool { return !i.Own.IsSecret(s.Hint) || !s.Ends.After(l.now) })
	if len(ours) == 0 {
		return "", time.Time{}, len(secrets) == 0
	}
	first := slices.MinFunc(ours, func(a, b account.ClientSecret) int { return a.Ends.Compare(b.Ends) })
	return fmt.Sprintf("client secret %q", first.Name), first.Ends, true
}

// expiry tells of the end of a credential, once for each warning: the nearer takes the
// place of the one before.
func (l *health) expiry(app, what string, ends time.Time) {
	told := false
	for n := len(warnings) - 1; n >= 0; n-- {
		days := warnings[n]
		key := l.key(CredentialExpiring, app, fmt.Sprint(days))
		if told || ends.IsZero() || ends.Sub(l.now) > time.Duration(days)*24*time.Hour {
			l.well(key)
			continue
		}
		told = true
		l.trouble(CredentialExpiring, key, fmt.Sprintf("The %s with which Usher signs in as application %s ends on %s: make a new one, set it, and start Usher again. 'usher reconnect %s' looks whether all is well.",
			what, app, ends.UTC().Format(time.DateOnly), l.tenant.Alias))
	}
}
