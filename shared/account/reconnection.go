package account

import "time"

// Reconnection is what a second onboarding of an application makes of the connection that
// stands. The connection works on all the while: what is new is given before what is no
// longer wanted is withdrawn, and a failure takes back only what the request gave.
type Reconnection struct {
	// Gives are the rights that the connection is to get, and did not have.
	Gives []Grant
	// Profile, Owner and the dates are the connection's once the request has succeeded.
	Profile       string
	Owner         Owner
	ExpiresAt     time.Time
	Life          Life
	MaxTargets    int
	ConsentMethod ConsentMethod
}

// Begin puts on the row what will be given.
func (r Reconnection) Begin(a *Account) {
	a.Grants = append([]Grant{}, a.Grants...)
	for _, g := range r.Gives {
		if known := a.Grant(g.Kind, g.Target); known != nil {
			*known = g
			continue
		}
		a.Grants = append(a.Grants, g)
	}
	a.ConsentMethod, a.Targets.Max = r.ConsentMethod, r.MaxTargets
}

// Settle makes the row what the request asked for, when all of it is done. The request is
// then the one that the connection goes back to.
func (r Reconnection) Settle(a *Account, request string) {
	a.RequestID = request
	a.Profile, a.Owner, a.ExpiresAt = r.Profile, r.Owner, r.ExpiresAt
	a.Life.StartsAt, a.Life.ReviewAt, a.Life.GraceDays = r.Life.StartsAt, r.Life.ReviewAt, r.Life.GraceDays
}
