package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Config says where a lab is run.
type Config struct {
	// Root is the checkout, Program is conch as it is, and Dir a folder for the changed
	// program and the logs; what an earlier run left there is replaced.
	Root, Program, Dir string
	Out                io.Writer
}

// Run runs a lab. It is an error if the check does not end as the lab says.
func (l *Lab) Run(ctx context.Context, cfg Config) error {
	say := func(format string, args ...any) { fmt.Fprintf(cfg.Out, format, args...) }
	say("Lab %s.\n", l.Title)
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return err
	}
	program := cfg.Program
	if len(l.Edits) > 0 {
		var err error
		if program, err = l.build(ctx, cfg); err != nil {
			return err
		}
		say("The rule that is changed: %s. The changed program is %s.\n", l.Rule, program)
	}
	evidence := filepath.Join(cfg.Dir, "logs")
	if err := os.RemoveAll(evidence); err != nil {
		return err
	}
	demo := append([]string{"demo", "--out", evidence}, l.Demo...)
	say("\n$ %s %s\n", program, strings.Join(demo, " "))
	if code, err := l.conch(ctx, cfg, filepath.Join(cfg.Dir, "demo.txt"), program, demo...); err != nil {
		return err
	} else if code != 0 {
		say("The demonstration ended with %d. What it said is in %s.\n", code, filepath.Join(cfg.Dir, "demo.txt"))
	}
	logs, err := filepath.Glob(filepath.Join(evidence, "node*.log"))
	if err != nil || len(logs) == 0 {
		return fmt.Errorf("the demonstration left no logs in %s; see %s", evidence, filepath.Join(cfg.Dir, "demo.txt"))
	}
	check := append([]string{"logs", "check"}, logs...)
	if witness := filepath.Join(evidence, "cs.txt"); exists(witness) {
		check = append(check, "--cs-file", witness)
	}
	say("\n$ %s %s\n", cfg.Program, strings.Join(check, " "))
	code, err := l.conch(ctx, cfg, "", cfg.Program, check...)
	if err != nil {
		return err
	}
	say("\nThe check ended with %d: %s.\n", code, meaning(code))
	if code != l.Check {
		return fmt.Errorf("this lab expects the check to end with %d, and it ended with %d", l.Check, code)
	}
	return nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// meaning says what an exit code of the check means.
func meaning(code int) string {
	switch code {
	case 0:
		return "the logs show all that was required"
	case 1:
		return "the logs show a violation"
	case 3:
		return "the logs do not suffice to tell"
	}
	return "the check itself failed"
}

// conch runs a program, with its output in a file, or shown if there is none. Its exit code
// is no error.
func (l *Lab) conch(ctx context.Context, cfg Config, file, program string, args ...string) (code int, err error) {
	command := exec.CommandContext(ctx, program, args...)
	command.Stdout, command.Stderr = cfg.Out, cfg.Out
	if file != "" {
		output, err := os.Create(file)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, output.Close()) }()
		command.Stdout, command.Stderr = output, output
	}
	err = command.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// build builds the changed program.
func (l *Lab) build(ctx context.Context, cfg Config) (program string, err error) {
	root, err := filepath.Abs(cfg.Root)
	if err != nil {
		return "", err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for file, source := range l.sources(root) {
		if source.err != nil {
			return "", source.err
		}
		changed := filepath.Join(dir, file)
		if err := os.WriteFile(changed, []byte(source.text), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(root, "token", file)] = changed
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), list, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "conch")
	command := exec.CommandContext(ctx, "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "./cmd/conch")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the change does not build: %w\n%s", err, out)
	}
	return filepath.Join(cfg.Dir, "conch"), nil
}

// source is a changed file of package token.
type source struct {
	text string
	err  error
}

// sources applies the edits, file by file.
func (l *Lab) sources(root string) map[string]source {
	changed := make(map[string]source)
	for _, e := range l.Edits {
		s, known := changed[e.File]
		if !known {
			text, err := os.ReadFile(filepath.Join(root, "token", filepath.Base(e.File)))
			s = source{string(text), err}
		}
		if n := strings.Count(s.text, e.Before); s.err == nil && n != 1 {
			s.err = fmt.Errorf("token/%s has this piece %d times, want once; copy it from the file as it is:\n%s", e.File, n, e.Before)
		}
		s.text = strings.Replace(s.text, e.Before, e.After, 1)
		changed[e.File] = s
	}
	return changed
}
