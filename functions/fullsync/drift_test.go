package fullsync_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

const (
	role  = "f023fd81-a637-4b56-95fd-791ac0226033"
	group = "View-Only Organization Management"
)

var now = time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)

func promised() account.Account {
	return account.Account{
		ID: "acc", ObjectID: "oid", UserPrincipalName: "svc@contoso.onmicrosoft.com", Origin: account.Created, State: account.AccountActive,
		Owner: account.Owner{Name: "Jane Doe", Email: "jane@contoso.com"},
		Grants: []account.Grant{
			{Kind: account.DirectoryRole, Target: role, Name: "Service Support Administrator", State: account.GrantGiven, Ours: true},
			{Kind: account.RoleGroup, Target: group, Name: group, State: account.GrantGiven, Ours: true},
		},
	}
}

func asPromised() fullsync.Observed {
	return fullsync.Observed{
		Users:   map[string]account.User{"oid": {ObjectID: "oid", Enabled: true}},
		Roles:   map[string][]account.RoleAssignment{"oid": {{ID: "a1", RoleID: role, PrincipalID: "oid", Scope: "/"}}},
		Members: map[string]map[string]bool{group: {"oid": true}},
	}
}

func kinds(findings []ledger.Finding) (list []string) {
	for _, f := range findings {
		list = append(list, f.Kind)
	}
	return list
}

func TestCompare(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*account.Account, *fullsync.Observed)
		want   []string
	}{
		"AsPromised": {func(*account.Account, *fullsync.Observed) {}, nil},
		"Missing":    {func(_ *account.Account, o *fullsync.Observed) { delete(o.Users, "oid") }, []string{fullsync.AccountMissing}},
		"Disabled":   {func(_ *account.Account, o *fullsync.Observed) { o.Users["oid"] = account.User{ObjectID: "oid"} }, []string{fullsync.AccountDisabled}},
		"RoleOver": {func(a *account.Account, o *fullsync.Observed) {
			o.Roles = nil
			a.Grants[0].Until = now
		}, nil},
		"RoleGone":      {func(_ *account.Account, o *fullsync.Observed) { o.Roles = nil }, []string{fullsync.RoleMissing}},
		"RoleGroupGone": {func(_ *account.Account, o *fullsync.Observed) { o.Members = nil }, []string{fullsync.RoleGroupMissing}},
		"ForeignRole": {func(_ *account.Account, o *fullsync.Observed) {
			o.Roles["oid"] = append(o.Roles["oid"], account.RoleAssignment{RoleID: account.GlobalAdministrator, PrincipalID: "oid"})
		}, []string{fullsync.RoleForeign}},
		"ForeignRoleOfAnAdoptedAccount": {func(a *account.Account, o *fullsync.Observed) {
			a.Origin = account.Adopted
			o.Roles["oid"] = append(o.Roles["oid"], account.RoleAssignment{RoleID: account.GlobalAdministrator, PrincipalID: "oid"})
		}, nil},
		"ATakenRoleThatShowsAgain": {func(a *account.Account, _ *fullsync.Observed) { a.Grants[0].State = account.GrantTaken }, []string{fullsync.RoleForeign}},
		"ARoleStillOnItsWay": {func(a *account.Account, o *fullsync.Observed) {
			a.Grants[0].State = account.GrantPlanned
			o.Roles = nil
		}, nil},
		"Expired":    {func(a *account.Account, _ *fullsync.Observed) { a.ExpiresAt = now }, []string{fullsync.AccountExpired}},
		"NotExpired": {func(a *account.Account, _ *fullsync.Observed) { a.ExpiresAt = now.Add(time.Second) }, nil},
		"Stray": {func(_ *account.Account, o *fullsync.Observed) {
			o.Strays = []account.User{{ObjectID: "x", UserPrincipalName: "lost@contoso", Stamp: "usher:req-9"}}
		}, []string{fullsync.AccountStray}},
	} {
		t.Run(name, func(t *testing.T) {
			acc, seen := promised(), asPromised()
			tt.change(&acc, &seen)
			assert.Equal(t, tt.want, kinds(fullsync.Compare([]account.Account{acc}, seen, now)))
		})
	}
}

func TestOverdue(t *testing.T) {
	open := func(change func(*account.Request)) account.Request {
		r := account.Request{CreatedAt: now.Add(-time.Hour), Steps: []account.Step{
			{Name: "create", State: account.StepDone, FinishedAt: now.Add(-59 * time.Minute)},
			{Name: "assignrole", State: account.StepPending},
		}}
		change(&r)
		return r
	}
	for name, tt := range map[string]struct {
		request account.Request
		want    bool
	}{
		"StoodStill":      {open(func(*account.Request) {}), true},
		"JustFinished":    {open(func(r *account.Request) { r.Steps[0].FinishedAt = now.Add(-time.Minute) }), false},
		"WaitsForLater":   {open(func(r *account.Request) { r.Steps[1].NextTry = now.Add(time.Hour) }), false},
		"WorkedOnNow":     {open(func(r *account.Request) { r.Steps[1].TouchedAt = now.Add(-time.Minute) }), false},
		"Parked":          {open(func(r *account.Request) { r.Parked = "needs approval" }), false},
		"ApprovedNow":     {open(func(r *account.Request) { r.Parked, r.ApprovedAt = "x", now }), false},
		"Cancelled":       {open(func(r *account.Request) { r.Cancelled = "offboarding" }), false},
		"OvertakenAtWork": {open(func(r *account.Request) { r.Cancelled, r.Steps[1].State = "offboarding", account.StepRunning }), true},
		"NothingLeftToDo": {open(func(r *account.Request) { r.Steps[1].State = account.StepDone }), false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tt.want, fullsync.Overdue(tt.request, now)) })
	}
}

func TestUnfinished(t *testing.T) {
	leaving := promised()
	leaving.State = account.AccountLeaving
	accounts := []account.Account{promised(), leaving}
	assert.Equal(t, []string{fullsync.AccountLeaving}, kinds(fullsync.Unfinished(accounts, nil)))
	assert.Empty(t, fullsync.Unfinished(accounts, []account.Request{{ID: "req", AccountID: "acc"}}), "somebody works on it")
	made, connected, asked := promised(), promised(), promised()
	made.State, connected.State, asked.State = account.AccountPlanned, account.AccountPlanned, account.AccountPlanned
	made.Grants, connected.ObjectID = nil, ""
	asked.ObjectID, asked.Grants = "", []account.Grant{{Kind: account.DirectoryRole, State: account.GrantPlanned}}
	assert.Equal(t, []string{fullsync.AccountHalfMade, fullsync.AccountHalfMade}, kinds(fullsync.Unfinished([]account.Account{made, connected, asked}, nil)))
}
