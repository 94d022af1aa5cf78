package main

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch/internal/logfile"
	"conch/logs"
)

// logFlags are the flags of conch node for its log.
type logFlags struct {
	level, file string
	evidence    bool
	complete    bool
	maxSize     int // in megabytes; 0 is no bound
	keep        int
}

// logLevels are the values of --log-level.
var logLevels = []string{"debug", "info", "warn", "error", "disabled"}

// maxLogSize bounds --log-max-size, in megabytes; more is a typing error.
const maxLogSize = 1 << 20

// maxLogsKept bounds --log-keep.
const maxLogsKept = 100_000

func (f *logFlags) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&f.level, "log-level", "info", "write lines of this `LEVEL` and above: "+strings.Join(logLevels, ", "))
	flags.BoolVar(&f.evidence, "evidence", false, "log each message and each step of the algorithm, some 2 KB a grant, for conch logs and conch report; needs level info (default: as --auto-request)")
	flags.StringVar(&f.file, "log-file", "", "append the log to `FILE`, as JSON; a terminal shows it too, for people; SIGHUP reopens it (default: standard output, in people's format if that is a terminal)")
	flags.BoolVar(&f.complete, "log-complete", false, "end the node when a line of the log cannot be written, as on a full disk (default: go on, and log later how many lines are missing)")
	flags.IntVar(&f.maxSize, "log-max-size", 0, "rename the log file before it exceeds `N` megabytes, with the time in its name, and begin a new one; 0 is never")
	flags.IntVar(&f.keep, "log-keep", 5, "keep `N` renamed log files, and remove older ones")
}

// check refuses nonsensical values with a usage error, and decides whether the log is
// evidence.
func (f *logFlags) check(cmd *cobra.Command, autoRequest bool) error {
	changed := cmd.Flags().Changed
	infoIsWritten := f.level == "info" || f.level == "debug"
	switch {
	case !slices.Contains(logLevels, f.level):
		return misuse(cmd, "--log-level: got %q, want one of %s", f.level, strings.Join(logLevels, ", "))
	case changed("evidence") && f.evidence && !infoIsWritten:
		return misuse(cmd, "--evidence is of level info, and --log-level %s leaves that out; leave one of them out", f.level)
	case f.maxSize < 0 || f.maxSize > maxLogSize:
		return misuse(cmd, "--log-max-size: got %d, want 1 to %d megabytes, or 0 for no bound", f.maxSize, maxLogSize)
	case f.maxSize > 0 && f.file == "":
		return misuse(cmd, "--log-max-size does nothing without --log-file; add that, or leave this out")
	case changed("log-keep") && f.maxSize == 0:
		return misuse(cmd, "--log-keep does nothing without --log-max-size; add that, or leave this out")
	case f.keep < 1 || f.keep > maxLogsKept:
		return misuse(cmd, "--log-keep: got %d, want 1 to %d", f.keep, maxLogsKept)
	}
	if !changed("evidence") {
		f.evidence = autoRequest
	}
	return nil
}

// config says how a member's log is written. If the log must be complete and is not, failed
// is called; if it need not be complete, say is.
func (f *logFlags) config(member string, failed func(error), say func(string)) logfile.Config {
	config := logfile.Config{
		Complete: f.complete,
		Failed:   failed,
		GapLine:  func(missing uint64) []byte { return gapLine(member, missing) },
		Say:      say,
	}
	if f.maxSize > 0 {
		config.Rotation = logfile.Rotation{MaxMegabytes: f.maxSize, Keep: f.keep}
	}
	return config
}

// logTime is the format of times in the log; see package logs.
const logTime = "2006-01-02T15:04:05.000000000Z07:00"

// gapLine is the line of a member's log that counts the missing lines before it.
func gapLine(member string, missing uint64) []byte {
	var line bytes.Buffer
	log := zerolog.New(&line)
	log.WithLevel(zerolog.WarnLevel).Str("node", member).
		Str("time", time.Now().UTC().Format(logTime)).Str("event", logs.LogGap).
		Str("missing", strconv.FormatUint(missing, 10)).Msg("lines before this one are missing")
	return line.Bytes()
}
