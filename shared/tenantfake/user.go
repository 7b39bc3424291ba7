package tenantfake

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// User is a user object. Times are UTC; a zero time is null.
type User struct {
	ID                string
	UserPrincipalName string
	DisplayName       string
	MailNickname      string
	GivenName         string
	Surname           string
	Mail              string
	UsageLocation     string
	// UserType is Member when empty.
	UserType         string
	PasswordPolicies string
	AccountEnabled   bool
	// ForcePasswordChange is passwordProfile.forceChangePasswordNextSignIn.
	ForcePasswordChange bool
	// Created, LastPasswordChange, SessionsValidFrom and Deleted (soft-deleted at).
	Created, LastPasswordChange, SessionsValidFrom, Deleted time.Time
	// OnPremisesSync marks a user mastered on premises, whose attributes cannot be changed in the cloud.
	OnPremisesSync        bool
	OnPremisesImmutableID string
	// ExtensionAttributes are the fifteen onPremisesExtensionAttributes by property name, "extensionAttribute1" and so on.
	ExtensionAttributes map[string]string
	// Licenses are the ids of the assigned products.
	Licenses []string
	// Groups are the object ids of the groups it is in, also through other groups.
	Groups []string
	// PerUserMFA is the legacy setting: disabled (also when empty), enabled or enforced.
	PerUserMFA string
	// Other are further properties of Microsoft's user type as a client wrote them.
	Other map[string]any
}

func (u User) clone() User {
	u.ExtensionAttributes = maps.Clone(u.ExtensionAttributes)
	u.Licenses = slices.Clone(u.Licenses)
	u.Groups = slices.Clone(u.Groups)
	u.Other = maps.Clone(u.Other)
	return u
}

// userRecord is a user with its past, its password and what Exchange knows of it.
type userRecord struct {
	record[User]
	key      string // the object id, which outlives the user
	index    int
	password *passwordHash
	// known is when Exchange learns of the user; gone, if set, when it learns of the deletion.
	known, gone time.Time
}

// inExchange reports whether Exchange has the user now.
func (u *userRecord) inExchange(now time.Time) bool {
	return u.current() != nil && !u.known.After(now) && (u.gone.IsZero() || u.gone.After(now))
}

// live returns the user unless it is deleted or purged.
func live(u *User) *User {
	if u == nil || !u.Deleted.IsZero() {
		return nil
	}
	return u
}

// softDeleted returns the user only if it lies in the recycle bin.
func softDeleted(u *User) *User {
	if u == nil || u.Deleted.IsZero() {
		return nil
	}
	return u
}

// passwordHash is a salted hash. The work factor is small: the emulator guards nothing.
type passwordHash struct {
	Salt, Hash []byte
}

func (s *Server) hashPassword(password string) *passwordHash {
	h := &passwordHash{Salt: s.random(16)}
	h.Hash = h.derive(password)
	return h
}

func (h *passwordHash) derive(password string) []byte {
	key, err := pbkdf2.Key(sha256.New, password, h.Salt, 64, 32)
	if err != nil {
		panic(fmt.Errorf("tenantfake: hash password: %w", err))
	}
	return key
}

func (h *passwordHash) matches(password string) bool {
	return h != nil && subtle.ConstantTimeCompare(h.Hash, h.derive(password)) == 1
}

// addUser puts a new user into the directory and on its way to Exchange.
func (t *Tenant) addUser(now time.Time, u User) *userRecord {
	rec := t.insert(now, u)
	rec.known = now.Add(t.nextReplication())
	t.journal = append(t.journal, change{At: now, Index: rec.index})
	return rec
}

// insert adds a record without telling Exchange or the journal. A zero time means that the user was always there.
func (t *Tenant) insert(at time.Time, u User) *userRecord {
	rec := &userRecord{key: u.ID, index: len(t.users)}
	rec.head = &version[User]{at: at, value: &u}
	t.users = append(t.users, rec)
	t.byID[u.ID] = rec
	t.name(u.UserPrincipalName, rec)
	return rec
}

// name makes rec findable under a user principal name, for good: a reader of an old replica still asks for the former one.
func (t *Tenant) name(upn string, rec *userRecord) {
	key := strings.ToLower(upn)
	if !slices.Contains(t.byUPN[key], rec) {
		t.byUPN[key] = append(t.byUPN[key], rec)
	}
}

// change stores a new version of a user. It does not tell Exchange.
func (t *Tenant) change(now time.Time, rec *userRecord, u User) {
	rec.set(now, &u)
	t.name(u.UserPrincipalName, rec)
	t.journal = append(t.journal, change{At: now, Index: rec.index})
}

// find returns the live user with this id or user principal name as it truly is, or nil.
func (t *Tenant) find(idOrUPN string) *userRecord {
	if rec := t.byID[strings.ToLower(idOrUPN)]; rec != nil && live(rec.current()) != nil {
		return rec
	}
	return t.holderOf(idOrUPN)
}

// holderOf returns the live user that has the user principal name, or nil.
func (t *Tenant) holderOf(upn string) *userRecord {
	for _, rec := range t.byUPN[strings.ToLower(upn)] {
		if u := live(rec.current()); u != nil && strings.EqualFold(u.UserPrincipalName, upn) {
			return rec
		}
	}
	return nil
}

// immutable returns the id of the live user that has this onPremisesImmutableId, or nothing.
func (t *Tenant) immutable(id string) string {
	if id == "" {
		return ""
	}
	for _, rec := range t.users {
		if u := live(rec.current()); u != nil && u.OnPremisesImmutableID == id {
			return u.ID
		}
	}
	return ""
}

// softDelete moves a user to the recycle bin: its name is mangled, its role assignments end, and Exchange hears of it later.
func (t *Tenant) softDelete(now time.Time, rec *userRecord) {
	u := rec.current().clone()
	u.Deleted = now.UTC()
	u.UserPrincipalName = strings.ReplaceAll(u.ID, "-", "") + u.UserPrincipalName
	t.change(now, rec, u)
	rec.gone = now.Add(t.nextReplication())
	t.bin = append(t.bin, rec)
	t.endAssignmentsOf(now, u.ID)
}

// purge removes a user for good.
func (t *Tenant) purge(now time.Time, rec *userRecord) {
	u := rec.current()
	rec.set(now, nil)
	rec.password = nil
	t.takeFromBin(rec)
	delete(t.byID, u.ID)
	t.unassign(now, u.ID)
	t.journal = append(t.journal, change{At: now, Index: rec.index})
}

// restore brings a user back from the recycle bin. Exchange hears of it later; if it had not heard of the deletion, nothing happens there.
func (t *Tenant) restore(now time.Time, rec *userRecord, u User) {
	t.takeFromBin(rec)
	t.change(now, rec, u)
	if !rec.gone.After(now) {
		rec.known = now.Add(t.nextReplication())
	}
	rec.gone = time.Time{}
}

// retention is how long a deleted user can be restored (reference: Microsoft Graph docs, restore deleted item).
const retention = 30 * 24 * time.Hour

func (t *Tenant) purgeExpired(now time.Time) {
	for _, rec := range slices.Clone(t.bin) {
		if !now.Before(rec.current().Deleted.Add(retention)) {
			t.purge(now, rec)
		}
	}
}

// takeFromBin takes a user out of the recycle bin's list.
func (t *Tenant) takeFromBin(rec *userRecord) {
	t.bin = slices.DeleteFunc(t.bin, func(r *userRecord) bool { return r == rec })
}
