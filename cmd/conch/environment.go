package main

import (
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// An environment variable can replace every flag of conch node. So a file of these, such as
// systemd's EnvironmentFile, can serve as the node's configuration.

// variableOf is the environment variable for a flag.
func variableOf(flag string) string {
	return "CONCH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// nameVariables makes the help of a command's flags name the variable of each.
func nameVariables(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(flag *pflag.Flag) { flag.Usage += " [$" + variableOf(flag.Name) + "]" })
}

// wanted says what values a flag of a type takes.
var wanted = map[string]string{
	"bool":     "true or false",
	"duration": "a time such as 500ms, 2s or 1m",
	"int":      "a whole number",
}

// variables are the environment variables that set flags, by flag.
type variables map[string]string

// fromEnvironment sets flags that are not on the command line from their environment
// variables. An empty variable counts as unset.
func fromEnvironment(cmd *cobra.Command) (variables, error) {
	used := variables{}
	var wrong error
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		name := variableOf(flag.Name)
		value := os.Getenv(name)
		if flag.Changed || flag.Name == "help" || value == "" || wrong != nil {
			return
		}
		used[flag.Name] = name
		err := cmd.Flags().Set(flag.Name, value)
		if want := wanted[flag.Value.Type()]; err != nil && want != "" {
			wrong = misuse(cmd, "%s: got %.80q, want %s", name, value, want)
		} else if err != nil {
			wrong = misuse(cmd, "%s: %w", name, err)
		}
	})
	return used, wrong
}

// flagName matches a flag's name in a text.
var flagName = regexp.MustCompile(`--[a-z][a-z0-9-]*`)

// inText replaces flags in a text by the variables that set them.
func (v variables) inText(text string) string {
	return flagName.ReplaceAllStringFunc(text, func(flag string) string {
		if variable, used := v[strings.TrimPrefix(flag, "--")]; used {
			return variable
		}
		return flag
	})
}

// renamed is an error that names variables in place of flags.
type renamed struct {
	error
	text string
}

func (r *renamed) Error() string { return r.text }

func (r *renamed) Unwrap() error { return r.error }

// inError makes an error name the variables in place of the flags that they set.
func (v variables) inError(err error) error {
	if err == nil || len(v) == 0 {
		return err
	}
	return &renamed{err, v.inText(err.Error())}
}
