package invoke

import (
	"cmp"
	"fmt"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
)

// tenant finds a configured tenant.
func (p *Process) tenant(id account.TenantID) (account.Tenant, bool) {
	for _, t := range p.Config.Tenants {
		if t.ID == id {
			return t, true
		}
	}
	return account.Tenant{}, false
}

// Tenants lists the configured tenants.
func (p *Process) Tenants() []account.Tenant { return p.Config.Tenants }

// NeedDomains refuses tenants without configured domains, for a function that makes no
// calls to tenants and cannot ask them.
func (p *Process) NeedDomains() error {
	var missing config.Problems
	for _, t := range p.Config.Tenants {
		if len(t.Domains) == 0 {
			missing = append(missing, config.Problem{
				Where: "tenants." + t.Alias + ".domains",
				What:  "are missing; this function makes no calls to the tenant, so it must be told, the initial onmicrosoft.com domain first",
			})
		}
	}
	if len(missing) > 0 {
		return missing
	}
	return nil
}

// The documents of a step, and of a sync.
const (
	// SyncInput and SyncOutput describe those of fullsync.
	SyncInput = stepInput + `  With "accounts": [ACCOUNT …] to compare with the tenant, and "requests": [REQUEST …]
  to look for lost commands.
`
	SyncOutput = stepOutput + `  With "sync" (the run and its findings), "offboard" (the accounts whose end date has
  passed; none is started) and "requests" (those whose lost command is in send).
`

	stepInput = `{"command": COMMAND, "request": REQUEST, "account": ACCOUNT}
  the command as the queue carries it, and the ledger's record of its request and
  account, as they came out of the invocation before.
`
	stepOutput = `{"outcome": "done|retry|dead|abandon", "reason", "text", "nextAction", "next",
   "request", "account", "send", "audit"}
  next is the message to deliver when notBefore has come; request and account
  are the record as it is now; send are messages for other queues; audit are entries
  for the audit log. Store them before anything of it is sent.
`
)

func (f Function) help() string {
	return fmt.Sprintf(`%[1]s %[2]s

It handles one invocation, keeps no ledger and sends no message: 'usher serve' does
all of that. Hosts that call functions one by one call it so, and a person who wants
to try a single step.

Usage: %[1]s < FILE

Standard input:
  %[3]s
Standard output:
  %[4]s
Settings come from the environment and from the file that USHER_CONFIG names;
usher.example.yaml documents them. The log is on standard error.

Exit codes, as 'usher help exit-codes' lists them:
  0  done, or to be tried again
  1  dead (failed for good), abandoned, or something unforeseen
  2  a wrong argument, or a document that is not an invocation
  3  a setting is missing or wrong
  5  intake refuses the request
`, f.Name, f.Does, cmp.Or(f.Input, stepInput), cmp.Or(f.Output, stepOutput))
}
