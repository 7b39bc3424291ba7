package main

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/profile"
)

func (p *program) fitnessCommand() *cobra.Command {
	return p.listing(p.command("fitness FILE|ACCOUNT", "Look whether an account could sign in and do its job; nothing is changed",
		"usher fitness events/samples/onboard-sam360.json", exactly("a request document, - for standard input, the name of a sample, or an account ('usher list --accounts')"), p.showFitness))
}

func (p *program) showFitness(ctx context.Context, args []string) error {
	var report console.FitnessReport
	show := func() error { return p.list(report, func() error { return p.printFitness(report) }) }
	if body, err := p.document(args[0]); err == nil {
		if !json.Valid(body) {
			return failed(exitRefused, "give a request document, or the name of an account", "%s is not JSON", args[0])
		}
		return p.within(ctx, true, func(s *session) error {
			if err := s.learn(ctx); err != nil {
				return err
			}
			if err := s.post(ctx, "/api/fitness", json.RawMessage(body), &report); err != nil {
				return err
			}
			return show()
		})
	} else if strings.HasSuffix(args[0], ".json") {
		return err
	}
	return p.with(ctx, func(s *session) error {
		if err := s.get(ctx, "/api/accounts/"+url.PathEscape(args[0])+"/fitness", nil, &report); err != nil {
			return err
		}
		return show()
	})
}

func (p *program) printFitness(r console.FitnessReport) error {
	if err := p.printf("%s · %s · %s · %s\n\n", p.look.Bold(r.UserPrincipalName), r.Tenant, or(r.Profile, "no profile"), modeText(r.Mode)); err != nil {
		return err
	}
	for _, f := range r.Findings {
		if err := p.printf("  %s\n", p.finding(f)); err != nil {
			return err
		}
		if f.Remedy != "" {
			if err := p.printf("      %s\n", f.Remedy); err != nil {
				return err
			}
		}
	}
	return nil
}

// modeText says what follows where something stops the account.
func modeText(mode string) string {
	switch profile.FitnessMode(mode) {
	case profile.FitnessPark:
		return "what stops the account waits for a person"
	case profile.FitnessExclude:
		return "the account is excluded from the policies that stop it"
	}
	return "what is found is told on the ticket, and stops nothing"
}

// finding is one finding in one line.
func (p *program) finding(f account.Finding) string {
	severity := p.look.Dim(f.Severity)
	if f.Severity == "blocking" {
		severity = p.look.Bad(f.Severity)
	}
	return severity + "  " + p.look.Bold(f.Code) + "  " + f.Text
}
