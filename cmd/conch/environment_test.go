package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestEachNodeFlagHasAVariable sets each flag of conch node by its variable. The help must
// name the variable.
func TestEachNodeFlagHasAVariable(t *testing.T) {
	values := map[string]string{
		"bool": "true", "duration": "17s", "int": "17", "string": "some text", "stringArray": "a,b", "stringSlice": "a,b",
	}
	cmd := newNodeCommand()
	flags := 0
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		flags++
		variable := "CONCH_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		if !strings.HasSuffix(flag.Usage, "[$"+variable+"]") {
			t.Errorf("the help of --%s is %q; want it to name $%s", flag.Name, flag.Usage, variable)
		}
		value, known := values[flag.Value.Type()]
		if !known {
			t.Fatalf("--%s has the type %s, which this test does not know", flag.Name, flag.Value.Type())
		}
		t.Setenv(variable, value)
	})
	used, err := fromEnvironment(cmd)
	if err != nil || len(used) != flags || flags < 20 {
		t.Errorf("%d flags of %d have a value, %v", len(used), flags, err)
	}
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		value := strings.TrimSuffix(strings.TrimPrefix(flag.Value.String(), "["), "]")
		if want := values[flag.Value.Type()]; strings.Trim(value, `"`) != want || !flag.Changed {
			t.Errorf("--%s is %s; want %s, and changed", flag.Name, value, want)
		}
	})
}

func TestErrorsNameTheVariable(t *testing.T) {
	used := variables{"http": "CONCH_HTTP", "log-file": "CONCH_LOG_FILE"}
	usage := usageError(errors.New("--http-host does nothing without --http; --log-file: no; (see 'conch node --help')"))
	err := used.inError(usage)
	if want := "--http-host does nothing without CONCH_HTTP; CONCH_LOG_FILE: no; (see 'conch node --help')"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if exitCode(err) != exitUsage {
		t.Errorf("exit code %d, want that of the error", exitCode(err))
	}
	if used.inError(nil) != nil {
		t.Error("an error out of nothing")
	}
}
