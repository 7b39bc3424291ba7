package main

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/address"
)

// personalToken names the variable that holds an approver's own token. A flag takes only the
// name of a file with it, for everybody on the machine can read the flags of a process.
const personalToken = "USHER_PERSONAL_TOKEN"

// approval is an order to approve, and by which token and where.
type approval struct {
	console.Approval
	tokenFile, server string
}

func (p *program) approveCommand() *cobra.Command {
	a := approval{Approval: console.Approval{Via: "cli"}}
	c := p.command("approve REQUEST [--by ID]", "Agree to a parked request, which then goes on",
		personalToken+"=TOKEN usher approve REQUEST --reason seen\n  usher approve REQUEST --by ann@contoso.com",
		exactly("the id of a request"), func(ctx context.Context, args []string) error { return p.approve(ctx, args[0], a) })
	f := c.Flags()
	f.StringVar(&a.By, "by", "", "who approves: an approver's id or mail address, never the requester's; not needed with a token of your own in "+personalToken)
	f.StringVar(&a.tokenFile, "token-file", "", "a file with your own token, in the place of "+personalToken)
	f.StringVar(&a.server, "server", "", "the address of a server elsewhere, https; only with a token of your own")
	f.StringVar(&a.Reason, "reason", "", "why, for the audit log")
	f.StringVar(&a.Digest, "digest", "", "only if the request still is what 'usher status' showed under this digest")
	return p.listing(c)
}

func (p *program) approve(ctx context.Context, request string, a approval) error {
	token, err := p.personal(a.tokenFile)
	if err != nil {
		return err
	}
	if token.IsZero() && (a.By == "" || a.server != "") {
		return failed(exitUsage, "set "+personalToken+" or give --token-file; an approver without a token is named with --by, and only beside the server", "say who approves")
	}
	said := "Approved by " + a.By + "."
	if a.By == "" {
		said = "Approved with your own token."
	}
	do := func(s *session) error {
		if !token.IsZero() {
			s.token = token
		}
		return p.orderIn(ctx, s, "/api/requests/"+url.PathEscape(request)+"/approve", a.Approval, said)
	}
	if a.server == "" {
		return p.with(ctx, do)
	}
	address, err := elsewhere(a.server)
	if err != nil {
		return err
	}
	return do(&session{program: p, client: client{base: address, http: &http.Client{Timeout: time.Minute}}})
}

// personal reads the approver's own token; zero when none is given.
func (p *program) personal(file string) (account.Secret, error) {
	text, _ := p.env(personalToken)
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return account.Secret{}, failed(exitUsage, "", "read the token: %w", err)
		}
		if text = string(b); strings.TrimSpace(text) == "" {
			return account.Secret{}, failed(exitUsage, "", "the file %s is empty", file)
		}
	}
	return account.NewSecret(strings.TrimSpace(text)), nil
}

// elsewhere is the address of a server that a token may be sent to.
func elsewhere(server string) (string, error) {
	u, err := address.Secure(strings.TrimRight(server, "/"))
	if err != nil {
		return "", failed(exitUsage, "", "--server %w (your token travels there)", err)
	}
	return u.String(), nil
}
