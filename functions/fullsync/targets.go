package fullsync

import (
	"context"
	"fmt"

	"github.com/usher365/usher/shared/account"
)

// syncTargets starts the synchronisation of every connection that is limited to chosen
// users: groups change, and assignments are changed by hand.
func (h *Handler) syncTargets(ctx context.Context, accounts []account.Account) error {
	for _, a := range accounts {
		if a.State != account.AccountActive || a.AppID == "" || a.Targets.Mode != account.TargetsChosen {
			continue
		}
		if err := h.desk.SyncTargets(ctx, a); err != nil {
			return fmt.Errorf("start the synchronisation of the users of %s: %w", a.UserPrincipalName, err)
		}
	}
	return nil
}
