package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

const about = `Usher takes a ticket and gives back a working Microsoft 365 service account, takes the
account away again when it is no longer wanted, and proves every night that what it
promised is still true.

Begin with 'usher demo': it needs no account, no network and no settings.`

// The groups of commands in the help.
const (
	groupStart   = "start"
	groupWork    = "work"
	groupOperate = "operate"
)

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "usher", Short: "Service accounts for Microsoft 365, from the ticket to the grave", Long: about,
		SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { p.started = true; return cmd.Help() },
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	flags := root.PersistentFlags()
	flags.StringVar(&p.dataDir, "data", "", "directory of ledger, vault and state (default ./usher-data)")
	flags.StringVar(&p.configFile, "config", "", "configuration file; every setting can come from the environment instead")
	flags.StringVar(&p.profilesDir, "profiles", "", "directory with more profiles")
	root.AddGroup(
		&cobra.Group{ID: groupStart, Title: "Start:"},
		&cobra.Group{ID: groupWork, Title: "Requests and accounts:"},
		&cobra.Group{ID: groupOperate, Title: "Operate:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupStart, p.demoCommand(), p.serveCommand(), p.tenantCommand(), p.bootstrapCommand(), p.doctorCommand(), p.reconnectCommand())
	add(groupWork, p.requestCommand(), p.fitnessCommand(), p.listCommand(), p.statusCommand(), p.approveCommand(), p.extendCommand(), p.revokeCommand(), p.rotateCommand(), p.targetsCommand(), p.consentCommand(), p.undoCommand(), p.policyCommand(), p.profilesCommand())
	add(groupOperate, p.syncCommand(), p.noticesCommand(), p.deadCommand(), p.auditCommand(), p.migrateCommand(), p.versionCommand())
	root.AddCommand(&cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodes})
	return root
}

// command makes a command whose work is do. short is its line in the help, example one call.
func (p *program) command(use, short, example string, args cobra.PositionalArgs, do func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: "  " + example, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.started = true
			return do(cmd.Context(), args)
		},
	}
}

// listing is a command with --json.
func (p *program) listing(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&p.asJSON, "json", false, "write JSON")
	return c
}

// exactly wants that many arguments and says which.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s needs %s", cmd.CommandPath(), names[len(args)])
		case len(args) > len(names):
			return fmt.Errorf("%s does not take %q", cmd.CommandPath(), args[len(names)])
		}
		return nil
	}
}
