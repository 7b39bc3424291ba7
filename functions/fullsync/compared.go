package fullsync

import (
	"context"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// The kinds of finding about connections, beside ConsentMissing.
const (
	ApplicationMissing  = "application.missing"
	ApplicationDisabled = "application.disabled"
	// ConsentUnread is a connection that could not be compared.
	ConsentUnread = "consent.unread"
)

// compared lists what differs of the connections, whose applications have no user that
// could be missing, and which of them have expired. What cannot be read is a finding, and
// no failure of the sync: the sync's own application may lack the permission to look.
func (h *Handler) compared(ctx context.Context, t account.Tenant, all []account.Account, began, now time.Time) (findings []ledger.Finding) {
	l := &health{Prober: &Prober{ProberOptions{Consents: h.Consents}}, tenant: t}
	apis := map[string]account.ServicePrincipal{}
	for _, a := range all {
		if a.State != account.AccountActive || a.AppID == "" || a.TriedAt.After(began) {
			continue
		}
		c := comparison{account: a}
		if h.Consents != nil {
			kind, text, err := l.connection(ctx, a, apis)
			if err != nil {
				kind, text = ConsentUnread, "could not be compared: "+err.Error()
			}
			if kind != "" {
				c.add(kind, a.AppID, text)
			}
		}
		c.expiry(now)
		findings = append(findings, c.findings...)
	}
	return findings
}
