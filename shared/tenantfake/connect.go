package tenantfake

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// OnPremisesUser is a user of a directory on premises, as Entra Connect reads it.
type OnPremisesUser struct {
	// ImmutableID is the source anchor: the base64 of mS-DS-ConsistencyGuid or objectGUID. Required.
	ImmutableID                     string
	UserPrincipalName               string
	DisplayName, GivenName, Surname string
	Enabled                         bool
}

// OnPremises is a directory on premises.
type OnPremises interface {
	// SyncedUsers lists the users in the scope of the sync. An error ends the cycle; nothing is concluded from half a list.
	SyncedUsers(ctx context.Context) ([]OnPremisesUser, error)
}

// Connector plays Entra Connect: it brings the users of a directory on premises to a tenant.
type Connector struct {
	// Lag is the time between the reading of the directory and the writing to the tenant. Zero is none.
	Lag time.Duration
	// Changed is called after each cycle that changed the tenant. Nil is nobody.
	Changed func()

	t       *Tenant
	source  OnPremises
	mu      sync.Mutex
	brought map[string]bool // source anchors that were brought, which are deleted when they are no longer listed
}

const (
	// CycleTime is how often Entra Connect synchronises (reference: Microsoft Entra Connect Sync, Scheduler).
	CycleTime = 30 * time.Minute
	// maxDeletions stops a cycle that would delete more (reference: Microsoft Entra Connect Sync, Prevent accidental deletes).
	maxDeletions = 500
)

// Connect marks the tenant as synchronised and gives the connector, which does nothing by itself: call Cycle, or Run. It has brought the
// synced users that the tenant has already, as after Load.
func (t *Tenant) Connect(source OnPremises) *Connector {
	t.lock()
	defer t.mu.Unlock()
	t.spec.OnPremisesSync = true
	c := &Connector{t: t, source: source, brought: map[string]bool{}}
	for _, rec := range t.users {
		if u := live(rec.current()); u != nil && u.OnPremisesSync {
			c.brought[u.OnPremisesImmutableID] = true
		}
	}
	return c
}

// Run makes a cycle every so often (zero means CycleTime) until ctx ends. A cycle that fails is made up for by the next.
func (c *Connector) Run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(cmp.Or(every, CycleTime))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = c.Cycle(ctx) // as on the real server, the next cycle comes all the same
		case <-ctx.Done():
			return
		}
	}
}

// Cycle reads the directory, then makes the tenant's synced users what it lists: new ones are created, or matched with a user of the
// same name that is no administrator and was made in the cloud; changed ones are changed; those that are gone are deleted softly, and
// restored when they come back.
func (c *Connector) Cycle(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	listed, err := c.source.SyncedUsers(ctx)
	if err != nil {
		return fmt.Errorf("entra connect: read the directory: %w", err)
	}
	if err := wait(ctx, c.Lag); err != nil {
		return err
	}
	changed, err := c.write(listed)
	if changed && c.Changed != nil {
		c.Changed()
	}
	return err
}

// write makes the tenant's synced users those that are listed.
func (c *Connector) write(listed []OnPremisesUser) (changed bool, err error) {
	now := c.t.lock()
	defer c.t.mu.Unlock()
	before, there := len(c.t.journal), map[string]bool{}
	for _, u := range listed {
		there[u.ImmutableID] = true
		c.bring(now, u)
	}
	err = c.remove(now, there)
	return len(c.t.journal) > before, err
}

// remove deletes what is no longer listed.
func (c *Connector) remove(now time.Time, there map[string]bool) error {
	var gone []string
	for anchor := range c.brought {
		if !there[anchor] {
			gone = append(gone, anchor)
		}
	}
	if len(gone) > maxDeletions {
		return fmt.Errorf("entra connect: %d users are gone at once, and nothing was deleted", len(gone))
	}
	slices.Sort(gone)
	for _, anchor := range gone {
		delete(c.brought, anchor)
		if rec := c.t.byID[c.t.immutable(anchor)]; rec != nil {
			c.t.softDelete(now, rec)
		}
	}
	return nil
}

// bring creates or changes one user.
func (c *Connector) bring(now time.Time, from OnPremisesUser) {
	rec, restored := c.match(now, from)
	if rec == nil && !restored && c.blocked(now, from) {
		return // an error of this object, told on the server only; the next cycle tries again
	}
	c.brought[from.ImmutableID] = true
	if rec == nil {
		c.t.addUser(now, c.exported(User{ID: c.t.s.guid(), UserType: "Member", Created: now.UTC()}, from))
		return
	}
	before := *rec.current()
	u := c.exported(before.clone(), from)
	u.Deleted = time.Time{}
	switch {
	case restored:
		c.t.restore(now, rec, u)
	case !sameUser(before, u):
		c.t.change(now, rec, u)
	}
}

// match finds the user of a source anchor, living or deleted, or one of the same name to be taken over.
func (c *Connector) match(now time.Time, from OnPremisesUser) (rec *userRecord, deleted bool) {
	if rec := c.t.byID[c.t.immutable(from.ImmutableID)]; rec != nil {
		return rec, false
	}
	for _, rec := range c.t.bin {
		if u := rec.current(); u.OnPremisesSync && u.OnPremisesImmutableID == from.ImmutableID {
			return rec, true
		}
	}
	if rec := c.t.holderOf(from.UserPrincipalName); rec != nil && rec.current().OnPremisesImmutableID == "" && !c.blocked(now, from) {
		return rec, false
	}
	return nil, false
}

// blocked reports whether an administrator made in the cloud has the name: such a user is never taken over (InvalidSoftMatch).
func (c *Connector) blocked(now time.Time, from OnPremisesUser) bool {
	rec := c.t.holderOf(from.UserPrincipalName)
	return rec != nil && rec.current().OnPremisesImmutableID == "" && len(c.t.rolesOf(now, rec.current().ID)) > 0
}

// exported is a user as the directory has it. A name that another user has, or of a domain that is not verified, becomes one of the
// initial domain.
func (c *Connector) exported(u User, from OnPremisesUser) User {
	u.OnPremisesSync, u.OnPremisesImmutableID = true, from.ImmutableID
	u.UserPrincipalName, u.AccountEnabled = from.UserPrincipalName, from.Enabled
	local, domain, _ := strings.Cut(from.UserPrincipalName, "@")
	u.DisplayName, u.GivenName, u.Surname, u.MailNickname = cmp.Or(from.DisplayName, local), from.GivenName, from.Surname, local
	if d, known := c.t.domain(domain); !known || d.Unverified {
		u.UserPrincipalName = local + "@" + c.t.spec.InitialDomain
	}
	if holder := c.t.holderOf(u.UserPrincipalName); holder != nil && holder.current().ID != u.ID {
		u.UserPrincipalName = local + u.ID[:4] + "@" + c.t.spec.InitialDomain
	}
	return u
}

func sameUser(a, b User) bool {
	return a.UserPrincipalName == b.UserPrincipalName && a.DisplayName == b.DisplayName && a.GivenName == b.GivenName &&
		a.Surname == b.Surname && a.AccountEnabled == b.AccountEnabled && a.OnPremisesSync == b.OnPremisesSync &&
		a.OnPremisesImmutableID == b.OnPremisesImmutableID
}
