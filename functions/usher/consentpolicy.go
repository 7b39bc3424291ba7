package main

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/profile"
)

func (p *program) consentCommand() *cobra.Command {
	c := &cobra.Command{Use: "consent", Short: "What administrators consent to, and what a tenant has set about that", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { p.started = true; return cmd.Help() }}
	c.AddCommand(p.consentPolicyCommand(), p.consentLinkCommand())
	return c
}

// consentPolicyCommand shows a tenant's admin consent request policy, and what a request
// would make of it.
func (p *program) consentPolicyCommand() *cobra.Command {
	var file string
	c := p.command("policy TENANT", "Show the admin consent request policy, and with -f what a request would change; nothing is sent",
		"usher consent policy contoso -f events/samples/onboard-mediafly-intelligence.json", exactly("a tenant, by alias or id"),
		func(ctx context.Context, args []string) error {
			return p.looking(ctx, func(s *session) error { return p.consentPolicy(ctx, s, args[0], file) })
		})
	c.Flags().StringVarP(&file, "file", "f", "", "a request document, - for standard input, or the name of a sample")
	return p.listing(c)
}

func (p *program) consentPolicy(ctx context.Context, s *session, tenant, file string) error {
	path := "/api/consent-policy/" + url.PathEscape(tenant)
	var view console.ConsentPolicy
	if file == "" {
		if err := s.get(ctx, path, nil, &view); err != nil {
			return err
		}
		return p.list(view, func() error { return p.showConsentPolicy(view) })
	}
	body, err := p.document(file)
	if err != nil {
		return err
	}
	if !json.Valid(body) {
		return failed(exitRefused, "give a request document", "%s is not JSON", file)
	}
	if err := s.learn(ctx); err != nil {
		return err
	}
	if err := s.post(ctx, path, json.RawMessage(body), &view); err != nil {
		return err
	}
	return p.list(view, func() error { return p.showConsentPlan(view) })
}

func (p *program) showConsentPolicy(v console.ConsentPolicy) error {
	rows := [][]string{
		{"users may ask for admin consent", strconv.FormatBool(v.Now.Enabled)},
		{"reviewers are told by mail", strconv.FormatBool(v.Now.Mails)},
		{"reviewers are reminded", strconv.FormatBool(v.Now.Reminders)},
		{"days until a request expires", strconv.Itoa(v.Now.Days)},
	}
	for _, r := range v.Now.Reviewers {
		rows = append(rows, []string{"reviewer", reviewerText(r)})
	}
	return table(p.stdout, "", []string{"SETTING", v.Tenant}, rows)
}

func (p *program) showConsentPlan(v console.ConsentPolicy) error {
	if err := p.showConsentPolicy(v); err != nil {
		return err
	}
	if len(v.Changes) == 0 {
		return p.printf("\nThe policy is as the request asks for already.\n")
	}
	if err := p.printf("\nThe request would change:\n"); err != nil {
		return err
	}
	for _, line := range v.Changes {
		if err := p.printf("  %s\n", line); err != nil {
			return err
		}
	}
	if v.Needs == "" {
		return nil
	}
	return p.printf("\nBefore that: %s.\n", v.Needs)
}

// reviewerText names a role as people do.
func reviewerText(r account.Reviewer) string {
	if _, name, ok := profile.Role(r.ID); ok && r.Kind == account.ReviewerRole {
		return "role " + name
	}
	return string(r.Kind) + " " + r.ID
}
