package notify

import (
	"fmt"
	"strings"

	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/mail"
)

// LetterOf words a notice: what it is about in the subject, then what is the matter and
// what to do, and where to look. It holds what the notice holds, so no secret.
func LetterOf(n ledger.Notice, tenant, to string) mail.Letter {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", n.Text)
	for _, line := range [][2]string{
		{"Tenant", tenant}, {"Account", n.AccountID}, {"Request", n.RequestID}, {"Notice", n.Kind}, {"Since", n.RaisedAt.UTC().Format("2006-01-02 15:04 UTC")},
	} {
		if line[1] != "" {
			fmt.Fprintf(&text, "%-8s %s\n", line[0]+":", line[1])
		}
	}
	text.WriteString("\nThis mail comes once. 'usher notices' lists what is open.\n")
	return mail.Letter{ID: n.ID(), To: to, Subject: subject(n.Kind, tenant), Text: text.String()}
}

// subject turns owner.gone into "Usher: owner gone in contoso.onmicrosoft.com".
func subject(kind, tenant string) string {
	return fmt.Sprintf("Usher: %s in %s", strings.NewReplacer(".", " ", "-", " ").Replace(kind), tenant)
}
