package tenantfake

import "time"

// Path is a way in which a reader can come to see an object. Each has its own replica, and so its own delay.
type Path string

// The read paths.
const (
	// ReadByID is GET by id or user principal name, and the look-up that PATCH and DELETE make first.
	ReadByID Path = "by-id"
	// ReadList is lists, $filter and $count.
	ReadList Path = "list"
	// ReadDelta is the delta query.
	ReadDelta Path = "delta"
	// ReadBacking is the look-up of an application when its service principal is made.
	ReadBacking Path = "backing-application"
	// ReadPrincipal is the look-up of the principal when a role is assigned or a permission is granted.
	ReadPrincipal Path = "principal"
	// ReadAssignments is GET and list of role assignments.
	ReadAssignments Path = "assignments"
	// ReadGrants is GET and list of the permissions of a service principal, its own and delegated ones.
	ReadGrants Path = "grants"
	// ReadPolicies is GET of the admin consent request policy.
	ReadPolicies Path = "policies"
	// ReadPrivilege is the look-up of the target's directory roles when someone disables, deletes or resets it.
	ReadPrivilege Path = "privilege"
)

// Consistency is how one read path lags behind writes. The zero value is no lag.
type Consistency struct {
	// VisibleAfter is how long a change stays unseen.
	VisibleAfter time.Duration
	// FlapReads is the number of reads, once the change is visible, that see it only every second time, beginning with one that does not.
	FlapReads int
}

// staleHorizon is the age up to which a StaleRead can miss a change.
const staleHorizon = 10 * time.Minute

// versionLife is how long older versions are kept; longer delays than this are cut short.
const versionLife = 48 * time.Hour

type version[T any] struct {
	at    time.Time // zero: settled everywhere
	value *T        // nil: the object is gone
	prev  *version[T]
}

// record is an object with its recent past, newest first. A nil head means that it never existed.
type record[T any] struct {
	head  *version[T]
	lag   map[Path]Consistency // overrides the tenant's
	reads map[Path]int         // reads since head became visible, while flapping
}

// current is the truth, which only writes and tests' checks see.
func (r *record[T]) current() *T {
	if r.head == nil {
		return nil
	}
	return r.head.value
}

// set stores a new version. A nil value removes the object.
func (r *record[T]) set(now time.Time, value *T) {
	r.head = &version[T]{at: now, value: value, prev: r.head}
	r.reads = nil
	for v := r.head.prev; v != nil; v = v.prev {
		if v.at.Before(now.Add(-versionLife)) {
			v.at, v.prev = time.Time{}, nil
		}
	}
}

// settle makes the present visible everywhere at once.
func (r *record[T]) settle() {
	if r.head != nil {
		r.head.at, r.head.prev, r.reads = time.Time{}, nil, nil
	}
}

// seen is the version that a reader on path gets now; nil if the object is not there for it.
func (r *record[T]) seen(now time.Time, path Path, c Consistency, stale bool) *T {
	if own, ok := r.lag[path]; ok {
		c = own
	}
	v := r.head
	for v != nil && !v.at.IsZero() && v.at.Add(c.VisibleAfter).After(now) {
		v = v.prev
	}
	if v != nil && v == r.head && (r.flapping(path, c) || stale && r.fresh(now)) {
		v = v.prev
	}
	if v == nil {
		return nil
	}
	return v.value
}

func (r *record[T]) fresh(now time.Time) bool {
	return !r.head.at.IsZero() && now.Sub(r.head.at) < staleHorizon
}

func (r *record[T]) flapping(path Path, c Consistency) bool {
	if c.FlapReads == 0 || r.head.at.IsZero() || r.reads[path] >= c.FlapReads {
		return false
	}
	if r.reads == nil {
		r.reads = map[Path]int{}
	}
	r.reads[path]++
	return r.reads[path]%2 == 1
}
