package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/usher/embedded"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/tenantfake"
)

// prologue says in plain words what will happen, and where everything is.
func (d *demo) prologue() error {
	p := d.program
	kept := "removed in the end"
	if p.dataDir != "" {
		kept = "kept"
	}
	return p.printf(`%s

%s
   Another ticket takes it all away again, the nightly sync runs, and you see
   what is left. This takes %s at most.

   %s  %s  an emulator: sign-in, Graph, Exchange
%s   %s   %s   webhook and API of this process
   %s    %s, %s

`, p.look.Bold("Usher: from the ticket to a ready account, and gone again"),
		d.plot(), console.Span(d.length()),
		p.look.Dim("tenant"), d.settings.embedded.URL, d.standIns(), p.look.Dim("usher"), d.api.base, p.look.Dim("data"), d.settings.Data, kept)
}

// wanted is what the ticket asks for.
func (d *demo) wanted() string {
	if d.script.mode == profile.Connected {
		return "a connection"
	}
	return "an account"
}

// plot says what will happen before the account is taken away.
func (d *demo) plot() string {
	switch d.script.mode {
	case profile.Synced:
		return fmt.Sprintf(`   A signed ticket asks for a service account. Usher makes it in on-premises
   Active Directory, waits until Entra Connect has brought it to Entra (every
   %s here, every 30 minutes in real life), and gives it its rights.`, console.Span(d.replication))
	case profile.Connected:
		return `   A signed ticket asks for a connection. Usher makes the vendor's application
   known in the tenant, gives it its permissions, reads each one back, and says
   for whom it is.`
	}
	return fmt.Sprintf(`   A signed ticket asks for a service account. Usher makes it and gives it its
   rights; for an Exchange role group it waits until Exchange Online has heard of
   the account (%s here, minutes to hours in real life).`, console.Span(d.replication))
}

// length is how long the demo takes at most, on a machine that is not busy.
func (d *demo) length() time.Duration {
	if d.script.mode == profile.Synced {
		return 3*d.replication + 5*time.Second // brought, disabled, deleted
	}
	return d.replication + 2*time.Second
}

// standIns says what plays the directory on premises, where it takes part.
func (d *demo) standIns() string {
	if d.script.mode != profile.Synced {
		return ""
	}
	return fmt.Sprintf("   %s  Active Directory (%s) and Entra Connect: stand-ins in this process, no LDAP\n",
		d.program.look.Dim("domain"), embedded.ActiveDirectory.BaseDN)
}

// left names what the tenant holds now and did not hold before.
func left(before, now []string) (left []string) {
	for _, line := range now {
		if !slices.Contains(before, line) {
			left = append(left, line)
		}
	}
	return left
}

// summary proves on the tenant itself that nothing of ours is left, and says what it took.
func (d *demo) summary(ctx context.Context) error {
	p, server := d.program, d.settings.embedded.Server
	tenant := server.Tenants()[0]
	now := d.settings.embedded.Holdings()
	if ours := left(d.before, now); len(ours) > 0 {
		return failed(exitFailed, "", "something of ours is left in the tenant: %s", strings.Join(ours, ", "))
	}
	if lost := left(now, d.before); len(lost) > 0 {
		return failed(exitFailed, "", "something that was there before is gone: %s", strings.Join(lost, ", "))
	}
	var chains []console.Chain
	if err := d.api.get(ctx, "/api/audit/verify", nil, &chains); err != nil {
		return err
	}
	if len(chains) != 1 || chains[0].Broken != "" {
		return failed(exitFailed, "", "the audit chain is not whole: %v", chains)
	}
	rows := [][2]string{
		{"made", d.onboarded.UserPrincipalName + ", " + steps(d.onboarded) + ", in " + console.Span(took(d.onboarded))},
		{"waited", d.waited()},
		{"taken away", steps(d.offboarded) + ", in " + console.Span(took(d.offboarded))},
		{"sync", fmt.Sprintf("%d users read, %d findings", d.run.Users, len(d.run.Findings))},
		{"calls", fmt.Sprintf("%d to Graph, %d to Exchange, %d to sign-in", server.Count(tenantfake.Graph), server.Count(tenantfake.Exchange), server.Count(tenantfake.Login))},
		{"audit", fmt.Sprintf("%d entries, the chain is whole", chains[0].Entries)},
		{"left", fmt.Sprintf("nothing of ours: %d users, %d role assignments%s, as before", len(tenant.Users()), len(tenant.RoleAssignments()), d.onPremises())},
	}
	if n := len(tenant.DeletedUsers()); n > 0 {
		rows = append(rows, [2]string{"", fmt.Sprintf("(%d deleted account in Entra's recycle bin, for 30 days)", n)})
	}
	if err := p.printf("\n%s\n", p.look.Bold("Summary")); err != nil {
		return err
	}
	for _, row := range rows {
		if err := p.printf("   %s  %s\n", p.look.Dim(fmt.Sprintf("%-10s", row[0])), row[1]); err != nil {
			return err
		}
	}
	if p.dataDir != "" {
		if err := p.printf("\n   The log is %s.\n", filepath.Join(d.settings.Data, logName)); err != nil {
			return err
		}
	}
	return p.printf("\n   %s Next: 'usher serve', or 'usher --help'.\n", p.look.Good("That was all of it."))
}

// onPremises tells of the directory on premises in the end, where it took part.
func (d *demo) onPremises() string {
	if d.script.mode != profile.Synced {
		return ""
	}
	return fmt.Sprintf(", %d accounts in Active Directory", len(d.settings.embedded.Directory.Users()))
}

func steps(r console.Request) string {
	done := 0
	for _, s := range r.Steps {
		if s.State == account.StepDone {
			done++
		}
	}
	return fmt.Sprintf("%d steps read back", done)
}

func took(r console.Request) time.Duration {
	end := r.CreatedAt
	for _, s := range r.Steps {
		if s.FinishedAt.After(end) {
			end = s.FinishedAt
		}
	}
	return end.Sub(r.CreatedAt)
}

// waited tells of the longest wait of the onboarding.
func (d *demo) waited() string {
	var longest console.Step
	for _, s := range d.onboarded.Steps {
		if s.WaitedSeconds > longest.WaitedSeconds {
			longest = s
		}
	}
	tries := "1 try"
	if longest.Attempts != 1 {
		tries = fmt.Sprintf("%d tries", longest.Attempts)
	}
	return fmt.Sprintf("%s for %q, %s", longest.Waited, longest.Title, tries)
}
