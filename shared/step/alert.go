package step

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// RoleGranted is the kind of the notice that a right was given of which the policy wants
// people to hear. It is cleared when the right is taken away.
const RoleGranted = "role.granted"

// alert raises a notice for each right with an alarm that a step has just given, and
// clears that of one it has taken. before are the grants as they were.
func alert(rec *ledger.Record, before []account.Grant, by string, now time.Time) {
	acc := rec.Account
	for _, g := range acc.Grants {
		was := slices.IndexFunc(before, func(b account.Grant) bool { return b.Kind == g.Kind && b.Target == g.Target })
		if !g.Alert || was >= 0 && before[was].State == g.State {
			continue
		}
		key := ledger.NoticeKey(RoleGranted, acc.Tenant, acc.ID+"/"+string(g.Kind)+"/"+g.Target)
		switch g.State {
		case account.GrantGiven:
			rec.Raise = append(rec.Raise, ledger.Notice{
				Key: key, Tenant: acc.Tenant, AccountID: acc.ID, RequestID: rec.Request.ID, Kind: RoleGranted, By: by, RaisedAt: now,
				Text: granted(*rec, g), Mail: concerned(*rec),
			})
		case account.GrantTaken:
			rec.Clear = append(rec.Clear, ledger.Clearing{Key: key, At: now, By: by})
		}
	}
}

func granted(rec ledger.Record, g account.Grant) string {
	end := "without an end"
	if e := rec.Account.ExpiresAt; !e.IsZero() {
		end = "until " + e.UTC().Format(time.DateOnly)
	}
	var agreed []string
	for _, a := range rec.Request.Approvals {
		agreed = append(agreed, a.By)
	}
	by := "request " + rec.Request.ID
	if len(agreed) > 0 {
		by += ", approved by " + strings.Join(agreed, " and ")
	}
	return fmt.Sprintf("%s was given to %s %s by %s. If nobody expects that: usher revoke %s",
		g.Name, rec.Account.UserPrincipalName, end, by, rec.Account.UserPrincipalName)
}

// concerned are the addresses of the owner and of those who approved.
func concerned(rec ledger.Record) (mail []string) {
	all := []string{rec.Account.Owner.Email}
	for _, a := range rec.Request.Approvals {
		all = append(all, a.By)
	}
	for _, address := range all {
		if strings.Contains(address, "@") && !slices.Contains(mail, address) {
			mail = append(mail, address)
		}
	}
	return mail
}
