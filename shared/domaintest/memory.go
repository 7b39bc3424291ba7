// Package domaintest helps to test what acts on on-premises Active Directory: the suite
// that the domain in memory and a real domain controller must both pass. See package
// tenanttest for the tenant's side.
package domaintest

import "github.com/usher365/usher/shared/domainfake"

// Memory is the domain in memory that tests act on.
type Memory = domainfake.Domain

// NewMemory gives an empty domain.
func NewMemory() *Memory { return domainfake.New() }
