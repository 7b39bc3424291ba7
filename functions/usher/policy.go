package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/parts"
	"github.com/usher365/usher/shared/policy"
)

func (p *program) policyCommand() *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "What a right needs before it is given", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { p.started = true; return cmd.Help() }}
	c.AddCommand(
		p.listing(p.command("explain FILE", "Say what a request would need, why, and what narrower right may do; nothing is sent",
			"usher policy explain events/samples/onboard-sam360.json", exactly("a request document, - for standard input, or the name of a sample"), p.explainRequest)),
		p.command("show", "Print the policy file of the configuration, or the built-in policy", "usher policy show > policy.yaml", exactly(), func(context.Context, []string) error { return p.showPolicy() }),
	)
	return c
}

func (p *program) explainRequest(ctx context.Context, args []string) error {
	body, err := p.document(args[0])
	if err != nil {
		return err
	}
	if !json.Valid(body) {
		return failed(exitRefused, "give a request document", "%s is not JSON", args[0])
	}
	return p.within(ctx, true, func(s *session) error {
		if err := s.learn(ctx); err != nil {
			return err
		}
		var d policy.Decision
		if err := s.post(ctx, "/api/policy/explain", json.RawMessage(body), &d); err != nil {
			return err
		}
		return p.list(d, func() error { return p.printf("%s", policy.Explain(d)) })
	})
}

// showPolicy prints the file, or the built-in policy, once it is proven.
func (p *program) showPolicy() error {
	c, err := p.load(preparing)
	if err != nil {
		return err
	}
	if _, err := parts.Policy(c); err != nil {
		return err
	}
	text := policy.BuiltinText()
	if c.Policy != "" {
		file, err := os.ReadFile(c.Policy)
		if err != nil {
			return err
		}
		text = string(file)
	}
	return p.printf("%s%s", text, approversOf(c))
}

// approversOf names the approvers of the configuration under the policy's text.
func approversOf(c config.Config) string {
	if len(c.Approvers) == 0 {
		return ""
	}
	var ids []string
	for _, who := range c.Approvers {
		ids = append(ids, who.ID)
	}
	return "# Approvers, from the configuration: " + strings.Join(ids, ", ") + "\n"
}
