package exchange

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const (
	cmdGetGroup     = "Get-RoleGroup"
	cmdGetMembers   = "Get-RoleGroupMember"
	cmdAddMember    = "Add-RoleGroupMember"
	cmdRemoveMember = "Remove-RoleGroupMember"
	cmdGetUser      = "Get-User"
)

// everything asks a cmdlet for all it has; the default is 1000 records.
const everything = "Unlimited"

// groupMemory is how long a role group that was seen is taken to exist.
const groupMemory = 5 * time.Minute

// AddRoleGroupMember makes the account a member of the role group
// (Add-RoleGroupMember). The account is named by its user principal name, which is
// what Exchange knows it by. A member already is a success; whether the membership is
// of this very account only a read-back tells (IsRoleGroupMember).
//
// Errors: exchange-not-replicated (wait) while Exchange does not know the account,
// role-group-not-found (permanent), and the general ones.
func (c *Client) AddRoleGroupMember(ctx context.Context, tenant account.TenantID, group string, m account.Member) error {
	s, err := c.named(tenant, group, m.UserPrincipalName)
	if err != nil {
		return err
	}
	err = c.write(ctx, s, cmdAddMember, parameters{
		"Identity": group, "Member": m.UserPrincipalName,
		"BypassSecurityGroupManagerCheck": true, "Confirm": false,
	})
	switch {
	case raised(err, memberAlreadyExists):
		return nil
	case raised(err, objectNotFound):
		return c.eitherMissing(ctx, s, group, fmt.Errorf("Exchange does not know %s yet: %w", m.UserPrincipalName, err))
	}
	return err
}

// RemoveRoleGroupMember ends the account's membership (Remove-RoleGroupMember, without
// asking back). No member, or an account that Exchange does not know, is a success:
// there is nothing to take away under that name. The caller reads back, which finds a
// membership that stands under another name.
//
// Errors: role-group-not-found (permanent), and the general ones.
func (c *Client) RemoveRoleGroupMember(ctx context.Context, tenant account.TenantID, group string, m account.Member) error {
	s, err := c.named(tenant, group, m.UserPrincipalName)
	if err != nil {
		return err
	}
	err = c.write(ctx, s, cmdRemoveMember, parameters{
		"Identity": group, "Member": m.UserPrincipalName,
		"BypassSecurityGroupManagerCheck": true, "Confirm": false,
	})
	switch {
	case raised(err, memberNotFound):
		return nil
	case raised(err, objectNotFound):
		return c.mustExist(ctx, s, group)
	}
	return err
}

// IsRoleGroupMember reports whether the account is in the role group, from a complete
// listing (see HoldersOf).
func (c *Client) IsRoleGroupMember(ctx context.Context, tenant account.TenantID, group string, m account.Member) (bool, error) {
	held, err := c.HoldersOf(ctx, tenant, group, m)
	if err != nil {
		return false, err
	}
	return held[0], nil
}

// HoldersOf reports for each of the accounts whether it is in the role group, in the
// order given, from one complete listing (Get-RoleGroupMember). See Member.Is for when
// a record is an account.
//
// The role group is looked up first (and remembered for a few minutes): asked about an
// object that does not exist, a Get cmdlet may answer with all there are.
//
// Errors: role-group-not-found (permanent), exchange-incomplete (transient) if the
// listing broke off, and the general ones.
func (c *Client) HoldersOf(ctx context.Context, tenant account.TenantID, group string, accounts ...account.Member) ([]bool, error) {
	members, err := c.RoleGroupMembers(ctx, tenant, group)
	if err != nil {
		return nil, err
	}
	held := make([]bool, len(accounts))
	for i, a := range accounts {
		for _, m := range members {
			held[i] = held[i] || m.Is(a)
		}
	}
	return held, nil
}

// RoleGroupMembers lists the role group, completely or with an error as HoldersOf.
func (c *Client) RoleGroupMembers(ctx context.Context, tenant account.TenantID, group string) ([]Member, error) {
	s, err := c.named(tenant, group)
	if err != nil {
		return nil, err
	}
	if err := c.mustExist(ctx, s, group); err != nil {
		return nil, err
	}
	records, err := c.read(ctx, s, cmdGetMembers, parameters{"Identity": group, "ResultSize": everything})
	if raised(err, objectNotFound) {
		s.forgetGroup(group)
		return nil, c.eitherMissing(ctx, s, group, fault.Retry(fault.ExchangeIncomplete, 0,
			fmt.Errorf("role group %q exists and cannot be listed: %w", group, err)))
	}
	if err != nil {
		return nil, err
	}
	members := make([]Member, len(records))
	for i, r := range records {
		members[i] = memberOf(r)
	}
	return members, nil
}

// groupExists reports whether the tenant has the role group (Get-RoleGroup), by name,
// identity or GUID. It always asks.
func (c *Client) groupExists(ctx context.Context, s *session, group string) (bool, error) {
	records, err := c.read(ctx, s, cmdGetGroup, parameters{"Identity": group, "ResultSize": everything})
	if raised(err, objectNotFound) {
		s.forgetGroup(group)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, r := range records {
		if r.is(group, "Name", "Identity", "Guid") {
			s.rememberGroup(group, c.now())
			return true, nil
		}
	}
	s.forgetGroup(group)
	return false, nil
}

// mustExist is groupExists as a condition, with memory.
func (c *Client) mustExist(ctx context.Context, s *session, group string) error {
	if s.knowsGroup(group, c.now()) {
		return nil
	}
	exists, err := c.groupExists(ctx, s, group)
	if err != nil {
		return fmt.Errorf("look up role group %q: %w", group, err)
	}
	if !exists {
		return fault.Stopf(fault.RoleGroupNotFound, "the tenant has no Exchange role group %q; check its name with Get-RoleGroup", group)
	}
	return nil
}

// eitherMissing decides what an objectNotFound is about: the role group if that is
// missing, else what otherwise says.
func (c *Client) eitherMissing(ctx context.Context, s *session, group string, otherwise error) error {
	if err := c.mustExist(ctx, s, group); err != nil {
		return err
	}
	return otherwise
}

// Reach makes one cheap call (Get-RoleGroup, one record) to learn whether Exchange can
// be reached and lets us in. It reports exchange-access-missing with what to grant:
// the application role when Exchange answers 401, the directory role when it answers
// 403. It cannot tell a role that may read from one that may also write.
func (c *Client) Reach(ctx context.Context, tenant account.TenantID) error {
	s, err := c.session(tenant)
	if err != nil {
		return err
	}
	got, err := c.invoke(ctx, s, c.address(s), cmdGetGroup, parameters{"ResultSize": "1"})
	if err != nil {
		return err
	}
	if _, err := readPage(got.body); err != nil {
		return got.notUnderstood(c.now(), err)
	}
	return nil
}

// named gives the tenant's session once the names to be sent are fit to be sent: an
// empty identity means all objects to a Get cmdlet, and so may a wildcard.
func (c *Client) named(tenant account.TenantID, names ...string) (*session, error) {
	for _, n := range names {
		if strings.TrimSpace(n) == "" || strings.Contains(n, "*") {
			return nil, fault.Stopf(fault.MalformedCommand, "%q names no single object in Exchange", n)
		}
	}
	return c.session(tenant)
}

func (s *session) knowsGroup(group string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, ok := s.groups[strings.ToLower(group)]
	return ok && now.Sub(seen) < groupMemory
}

func (s *session) rememberGroup(group string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[strings.ToLower(group)] = now
}

func (s *session) forgetGroup(group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.groups, strings.ToLower(group))
}
