package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher365/usher/functions/usher/bootstrap"
)

// preparation is what 'usher bootstrap' has to tell.
type preparation struct {
	Home      string               `json:"home"`
	Applied   bool                 `json:"applied"`
	Apps      []preparedApp        `json:"applications"`
	Customers []bootstrap.Customer `json:"customers"`

	outcomes []bootstrap.Outcome
	// cut is set when an error ended it before everything was looked at.
	cut bool
}

// preparedApp is one application.
type preparedApp struct {
	App         string           `json:"app"`
	UniqueName  string           `json:"uniqueName"`
	ClientID    string           `json:"clientId,omitempty"`
	ObjectID    string           `json:"objectId,omitempty"`
	Permissions []neededRight    `json:"permissions"`
	Roles       []bootstrap.Role `json:"directoryRoles,omitempty"`
	// Why is told of an application that needs no right.
	Why  string           `json:"why,omitempty"`
	Plan []bootstrap.Line `json:"plan"`
	// Writes is how many writes the plan has, Written how many of them were made.
	Writes  int `json:"writes"`
	Written int `json:"written"`
}

type neededRight struct {
	Resource string `json:"resource,omitempty"`
	Name     string `json:"name"`
	Why      string `json:"why"`
}

// prepare plans each application, or carries its plan out. After an error it tells
// what it came to.
func (r *preparation) prepare(ctx context.Context, s bootstrap.Session, apps []bootstrap.App, apply bool) error {
	do := s.Examine
	if apply {
		do = s.Apply
	}
	for _, a := range apps {
		o, err := do(ctx, a)
		if o.Plan != nil {
			r.outcomes = append(r.outcomes, o)
			r.Apps = append(r.Apps, prepared(o))
		}
		if err != nil {
			r.cut = true
			return err
		}
	}
	return nil
}

func prepared(o bootstrap.Outcome) preparedApp {
	a := preparedApp{
		App: o.App.App, UniqueName: o.App.UniqueName, ClientID: o.AppID, ObjectID: o.ObjectID, Permissions: []neededRight{},
		Roles: o.App.Roles, Why: o.App.Why, Plan: o.Lines, Writes: o.Writes(), Written: o.Written,
	}
	for _, p := range o.App.Permissions {
		a.Permissions = append(a.Permissions, neededRight{p.Resource.Name, p.Name, p.Why})
	}
	return a
}

// pending is how many writes are left to make.
func (r preparation) pending() (n int) {
	for _, a := range r.Apps {
		n += a.Writes - a.Written
	}
	return n
}

// showPreparation shows what was planned or done; nothing when it did not come to a plan.
func (p *program) showPreparation(r preparation) error {
	if len(r.Apps) == 0 {
		return nil
	}
	for _, show := range []func(preparation) error{p.showRights, p.showPlans, p.showCustomers, p.showEnd} {
		if err := show(r); err != nil {
			return err
		}
	}
	return nil
}

// showRights lists the least that each application needs.
func (p *program) showRights(r preparation) error {
	var rows [][]string
	for _, a := range r.Apps {
		for _, n := range a.Permissions {
			rows = append(rows, []string{a.App, n.Name, n.Resource, n.Why})
		}
		for _, r := range a.Roles {
			rows = append(rows, []string{a.App, r.Name, "directory role", r.Why})
		}
		if a.Why != "" {
			rows = append(rows, []string{a.App, "no right", "any directory", a.Why})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return table(p.stdout, "", []string{"APPLICATION", "NEEDS", "OF", "TO"}, rows)
}

// marks are what a line of a plan begins with.
var marks = map[bootstrap.Action]string{
	bootstrap.Create: "+", bootstrap.Add: "+", bootstrap.Change: "~", bootstrap.Remove: "-", bootstrap.Keep: " ", bootstrap.Drift: "!",
}

func (p *program) showPlans(r preparation) error {
	for _, a := range r.Apps {
		id := a.ClientID
		if id == "" {
			id = "not registered yet"
		}
		if err := p.printf("\n%s  %s\n\n", p.look.Bold(a.UniqueName), p.look.Dim(id)); err != nil {
			return err
		}
		for _, l := range a.Plan {
			text := fmt.Sprintf("%s %-6s %s", marks[l.Action], l.Action, l.Object)
			if l.Action == bootstrap.Drift {
				text = p.look.Bad(text)
			}
			if err := p.printf("  %s  %s\n", text, p.look.Dim("("+l.Reason+")")); err != nil {
				return err
			}
		}
	}
	return nil
}

// showCustomers says what the administrators of other tenants have to do.
func (p *program) showCustomers(r preparation) error {
	for _, c := range r.Customers {
		if err := p.printf("\nTenant %s (%s): its administrator\n", p.look.Bold(c.Alias), c.TenantID); err != nil {
			return err
		}
		for _, s := range c.Steps {
			url := s.ConsentURL
			if url == "" {
				url = "the address follows when the application is made"
			}
			if err := p.printf("  - consents to %s: %s\n", s.App, url); err != nil {
				return err
			}
			for _, r := range s.Roles {
				if err := p.printf("    and gives it the directory role %s (Entra admin centre, Roles and administrators, %s,\n    Add assignments, %s), needed to %s\n", r.Name, r.Name, s.App, r.Why); err != nil {
					return err
				}
			}
		}
		if err := p.printf("  then 'usher doctor --tenant %s' tells what is missing\n", c.Alias); err != nil {
			return err
		}
	}
	return nil
}

// variable names the setting that an application's id goes into.
func variable(app string) string {
	if app == bootstrap.ForConsents().App {
		return "USHER_CONSENTS_CLIENT_ID where consents are granted"
	}
	return "AZURE_CLIENT_ID of the " + app
}

// showEnd sums it up. Of a plan that was cut short nothing is said: the rest may have writes too.
func (p *program) showEnd(r preparation) error {
	var ids []string
	for _, a := range r.Apps {
		if a.ClientID != "" {
			ids = append(ids, fmt.Sprintf("%s: %s", variable(a.App), a.ClientID))
		}
	}
	if len(ids) > 0 {
		if err := p.printf("\n%s\n", strings.Join(ids, "\n")); err != nil {
			return err
		}
	}
	made := 0
	for _, a := range r.Apps {
		made += a.Written
	}
	switch {
	case r.Applied:
		return p.printf("\n%d writes made.\n", made)
	case r.cut:
		return nil
	case r.pending() == 0:
		return p.printf("\nNothing to do.\n")
	}
	return p.printf("\n%d writes to make: run it again with --apply.\n", r.pending())
}
