package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Function names, each the name of a folder, a queue, a binary and a metric label.
const (
	Create         = "create"
	AssignRole     = "assignrole"
	GrantRoleGroup = "grantrolegroup"
	GrantConsent   = "grantconsent"
	AssignTargets  = "assigntargets"
	CheckFitness   = "checkfitness"
	HandOver       = "handover"
	Revoke         = "revoke"
	FullSync       = "fullsync"
	Notify         = "notify"
)

// Functions lists every function that is driven by a queue.
func Functions() []string {
	return []string{CheckFitness, Create, GrantConsent, AssignRole, GrantRoleGroup, AssignTargets, HandOver, Revoke, FullSync, Notify}
}

// typePrefix and typeVersion frame the CloudEvents type: dev.usher365.create.v1.
const (
	typePrefix  = "dev.usher365."
	typeVersion = ".v1"
)

// TypeOf gives the CloudEvents type of a function's command.
func TypeOf(function string) string { return typePrefix + function + typeVersion }

// Command asks one function to do one step of one request. On the wire it is a
// CloudEvents 1.0 event in structured JSON; the names of the extension attributes
// are the lower-case field names.
type Command struct {
	// Function is who does it, and the queue it travels on.
	Function string
	// Request and Step say which step of the plan this is.
	Request string
	Step    string
	// Attempt counts the deliveries of this step, from 1. It is part of the message
	// id: a retry under the same id would be dropped as a duplicate.
	Attempt int
	// Failures counts the attempts that failed; waiting is not failing.
	Failures int
	// FirstSeen is when the step was first tried; zero on its first command.
	FirstSeen time.Time
	// Tenant is the alias of the tenant, for people who read queues.
	Tenant string
	// Subject is the account the step is about.
	Subject string
	// Time is when this command was issued.
	Time time.Time
	// TraceParent is the W3C trace context; empty when there is none.
	TraceParent string
	// Data is the step's arguments: one of the argument types of this package.
	Data json.RawMessage
}

// ID is <request>/<step>/<attempt>, the message id on the queue.
func (c Command) ID() string { return fmt.Sprintf("%s/%s/%d", c.Request, c.Step, c.Attempt) }

// Next is the same command for its next attempt.
func (c Command) Next(now time.Time) Command {
	c.Attempt++
	c.Time = now
	return c
}

// wire is the CloudEvents form of a Command.
type wire struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	RequestID       string          `json:"requestid"`
	Step            string          `json:"step"`
	Attempt         int             `json:"attempt"`
	Failures        int             `json:"failures,omitempty"`
	FirstSeen       time.Time       `json:"firstseen,omitzero"`
	TraceParent     string          `json:"traceparent,omitempty"`
	Data            json.RawMessage `json:"data"`
}

const sourcePrefix = "/usher/"

// MarshalJSON writes the CloudEvents form.
func (c Command) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{
		SpecVersion: "1.0", ID: c.ID(), Source: sourcePrefix + c.Tenant, Type: TypeOf(c.Function),
		Subject: c.Subject, Time: c.Time.UTC(), DataContentType: "application/json",
		RequestID: c.Request, Step: c.Step, Attempt: c.Attempt, Failures: c.Failures,
		FirstSeen: c.FirstSeen, TraceParent: c.TraceParent, Data: c.Data,
	})
}

// UnmarshalJSON reads the CloudEvents form. It refuses an event of another version,
// one that no function of ours handles, and one whose id does not say what its parts say.
func (c *Command) UnmarshalJSON(b []byte) error {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("read command: %w", err)
	}
	function, err := functionOf(w)
	if err != nil {
		return err
	}
	*c = Command{
		Function: function, Request: w.RequestID, Step: w.Step, Attempt: w.Attempt, Failures: w.Failures,
		FirstSeen: w.FirstSeen, Tenant: strings.TrimPrefix(w.Source, sourcePrefix), Subject: w.Subject,
		Time: w.Time, TraceParent: w.TraceParent, Data: w.Data,
	}
	if c.Request == "" || c.Step == "" || c.Attempt < 1 {
		return errors.New("read command: requestid, step and attempt are required")
	}
	if c.ID() != w.ID {
		return fmt.Errorf("read command: id %q does not match request, step and attempt", w.ID)
	}
	return nil
}

func functionOf(w wire) (string, error) {
	if w.SpecVersion != "1.0" {
		return "", fmt.Errorf("read command: CloudEvents version %q is not 1.0", w.SpecVersion)
	}
	name, ok := strings.CutPrefix(w.Type, typePrefix)
	name, versioned := strings.CutSuffix(name, typeVersion)
	if !ok || !versioned {
		return "", fmt.Errorf("read command: type %q is not one of ours", w.Type)
	}
	return name, nil
}

// CreateArgs are the arguments of create.
type CreateArgs struct {
	// Adopt takes an existing account instead of making one.
	Adopt       bool   `json:"adopt,omitempty"`
	UserName    string `json:"userName"`
	Domain      string `json:"domain"`
	DisplayName string `json:"displayName"`
	GivenName   string `json:"givenName,omitempty"`
	Surname     string `json:"surname,omitempty"`
	// UsageLocation is an ISO 3166-1 alpha-2 code.
	UsageLocation string `json:"usageLocation,omitempty"`
	// PasswordNeverExpires sets Entra's policy DisablePasswordExpiration.
	PasswordNeverExpires bool `json:"passwordNeverExpires,omitempty"`
	// PasswordReference is where in a vault the password lies that the requester brings;
	// empty means that one is made.
	PasswordReference string `json:"passwordReference,omitempty"`
	// OnPremises makes the account in Active Directory. Nil makes it in Entra.
	OnPremises *OnPremisesArgs `json:"onPremises,omitempty"`
	// AwaitSync makes nothing: the account is in Active Directory, and Entra Connect is
	// waited for.
	AwaitSync bool `json:"awaitSync,omitempty"`
}

// OnPremisesArgs are how an account is made in Active Directory.
type OnPremisesArgs struct {
	// OU is the organizational unit, below the domain's base or in full.
	OU string `json:"ou,omitempty"`
	// Attributes are further ones, by their names in LDAP.
	Attributes map[string][]string `json:"attributes,omitempty"`
}

// UserPrincipalName is the sign-in name the account will have.
func (a CreateArgs) UserPrincipalName() string { return a.UserName + "@" + a.Domain }

// AssignRoleArgs are the arguments of assignrole.
type AssignRoleArgs struct {
	// RoleID is the role's template id, which is its definition id for built-in roles.
	RoleID string `json:"roleId"`
	Role   string `json:"role"`
	// Until is when the role is to end by itself, where the tenant can do that; zero for never.
	Until time.Time `json:"until,omitzero"`
}

// GrantRoleGroupArgs are the arguments of grantrolegroup.
type GrantRoleGroupArgs struct {
	RoleGroup string `json:"roleGroup"`
}

// RevokePart is one part of taking an account away, or of giving it back.
type RevokePart string

// The parts of a revocation, in the order they happen, then the two of a restore.
const (
	RevokeRoleGroup RevokePart = "rolegroup"
	RevokeRole      RevokePart = "role"
	RevokeEnabled   RevokePart = "disable"
	RevokeSessions  RevokePart = "sessions"
	RevokeAccount   RevokePart = "delete"
	RevokeForGood   RevokePart = "purge"
	RestoreAccount  RevokePart = "restore"
	RestoreEnabled  RevokePart = "enable"
)

// RevokeArgs are the arguments of revoke.
type RevokeArgs struct {
	Part RevokePart `json:"part"`
	// Target is the role's template id or the role group's name; empty for the other parts.
	Target string `json:"target,omitempty"`
	Name   string `json:"name,omitempty"`
	// ForReset takes a role only while the request's new password could not be set.
	ForReset bool `json:"forReset,omitempty"`
}

// FullSyncArgs are the arguments of fullsync, one command a tenant.
type FullSyncArgs struct {
	// Run is the id of this run, the same for every tenant it covers.
	Run string `json:"run"`
}

// NotifyArgs are the arguments of notify: one of the two.
type NotifyArgs struct {
	// Status tells a ticket how its request stands.
	Status *Status `json:"status,omitempty"`
	// Notice says that one was raised; whom it is mailed to lies in the ledger.
	Notice *Notice `json:"notice,omitempty"`
}
