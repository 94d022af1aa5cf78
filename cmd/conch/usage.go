package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// finishUsage makes every command below root refuse wrong arguments with a usage error, and
// show its flags in groups. Call it after all commands have been added.
func finishUsage(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.SetHelpCommand(newHelpCommand())
	root.InitDefaultHelpCmd()
	root.SetUsageFunc(printUsage)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if errors.As(err, new(*pflag.NotExistError)) && strings.Contains(cmd.Use, " NAME") {
			return misuse(cmd, "%w; a lock's name that begins with - comes after --: %s", err, nameAfterDashes(cmd))
		}
		return misuse(cmd, "%w", err)
	})
	refuseMisuse(root)
}

// plainFlags takes the marks out of the text of flags, of a command and of all below it,
// by which help finds the word for a value. Shells, which ask for completions, show the
// text as it is.
func plainFlags(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(flag *pflag.Flag) { flag.Usage = strings.ReplaceAll(flag.Usage, "`", "") })
	for _, sub := range cmd.Commands() {
		plainFlags(sub)
	}
}

// nameAfterDashes shows how a command takes a lock name that begins with -.
func nameAfterDashes(cmd *cobra.Command) string {
	line := cmd.CommandPath() + " -- -NAME"
	if strings.Contains(cmd.Use, "COMMAND") {
		line += " -- COMMAND"
	}
	return line
}

// refuseMisuse makes wrong arguments of a command, and of all below it, usage errors. By
// default, cobra shows the help and reports success for a group of commands without a
// command, or with one that does not exist.
func refuseMisuse(cmd *cobra.Command) {
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			return misuse(cmd, "want one of the commands %s", strings.Join(commandNames(cmd), ", "))
		}
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return misuse(cmd, "unknown command %q; want one of %s", args[0], strings.Join(commandNames(cmd), ", "))
		}
	} else if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return misuse(cmd, "%w", err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		refuseMisuse(sub)
	}
}

// misuse makes the usage error for a command: what is wrong, and where to read more.
func misuse(cmd *cobra.Command, format string, args ...any) error {
	return usageError(fmt.Errorf(format+" (see '%s --help')", append(args, cmd.CommandPath())...))
}

// noArguments refuses all arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q; %s takes flags only", args[0], cmd.CommandPath())
	}
	return nil
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// newHelpCommand is cobra's help command, with an error for a command that does not exist.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND...]",
		Short: "Show the help of a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return commandNames(about), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return misuse(cmd.Root(), "no help about %q: there is no such command", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// groupAnnotation is the key under which a flag stores its group.
const groupAnnotation = "conch_group"

// addGroup adds the flags of a set to a command; the help shows them together under a
// title.
func addGroup(cmd *cobra.Command, title string, set *pflag.FlagSet) {
	set.SortFlags = false
	set.VisitAll(func(flag *pflag.Flag) {
		flag.Annotations = map[string][]string{groupAnnotation: {title}}
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().AddFlagSet(set)
}

// printUsage writes the part of a command's help below its description.
func printUsage(cmd *cobra.Command) error {
	var b strings.Builder
	line := cmd.UseLine()
	if cmd.HasAvailableSubCommands() {
		line = cmd.CommandPath() + " COMMAND"
		if strings.HasSuffix(cmd.Use, "[flags]") { // it also does something by itself
			line = cmd.UseLine() + "\n  " + line
		}
	}
	fmt.Fprintf(&b, "Usage:\n  %s\n", line)
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprint(&b, "\nCommands:\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	for _, group := range flagGroups(cmd) {
		// The help need not say each time that --json=false exists.
		usages := strings.ReplaceAll(group.FlagUsagesWrapped(helpColumns), "[=true|false]", "             ")
		fmt.Fprintf(&b, "\n%s:\n%s", group.Name(), usages)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n'%s COMMAND --help' tells more about a command.\n", cmd.CommandPath())
	}
	_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
	return err
}

// helpColumns is the width of the help of flags.
const helpColumns = 100

// flagGroups sorts a command's flags by their groups, in the order in which the groups were
// added; flags without one come last.
func flagGroups(cmd *cobra.Command) []*pflag.FlagSet {
	var groups []*pflag.FlagSet
	add := func(title string) *pflag.FlagSet {
		group := pflag.NewFlagSet(title, pflag.ContinueOnError)
		group.SortFlags = false
		groups = append(groups, group)
		return group
	}
	var others []*pflag.Flag
	flags := cmd.NonInheritedFlags()
	flags.SortFlags = false
	flags.VisitAll(func(flag *pflag.Flag) {
		titles := flag.Annotations[groupAnnotation]
		if len(titles) == 0 {
			others = append(others, flag)
			return
		}
		i := slices.IndexFunc(groups, func(g *pflag.FlagSet) bool { return g.Name() == titles[0] })
		if i < 0 {
			add(titles[0]).AddFlag(flag)
			return
		}
		groups[i].AddFlag(flag)
	})
	title := "Flags"
	if len(groups) > 0 {
		title = "Other flags"
	}
	rest := add(title)
	for _, flag := range others {
		rest.AddFlag(flag)
	}
	return groups
}
