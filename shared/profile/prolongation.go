package profile

import (
	"time"

	"github.com/usher365/usher/shared/account"
)

// Prolongation plans what a longer life takes: the directory roles that end by themselves
// are to end later. It is empty where the end stays or no role has one. ends is the
// account's new end; zero for none.
func Prolongation(acc account.Account, ends time.Time) []account.Step {
	if ends.Equal(acc.ExpiresAt) {
		return nil
	}
	acc.ExpiresAt = ends
	held := heldRoles(acc)
	var bound []account.Grant
	for _, g := range held.Grants {
		if !g.Until.IsZero() {
			bound = append(bound, g)
		}
	}
	return grantSteps(bound, acc, nil)
}
