package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"conch/logs/draw"
)

func newLogsDrawCommand() *cobra.Command {
	var o draw.Options
	var out, by string
	cmd := &cobra.Command{
		Use:   "draw FILE... --out PICTURE",
		Short: "Draw a space-time diagram",
		Long: `Draws a line down the page for each node, arrows for the messages between them, and bars
for the critical sections, with the last digits of their fences. Waiting, crashes and
lapsed sessions are marked; messages that find or make a token are dashed.

The ending of --out says the format: .svg, .png or .pdf. Of a long run a part is drawn,
below a strip of the whole: some 50 messages, or the part chosen by --from and --to, in
lines of the merged logs (as 'conch logs merge FILE... | cat -n' counts them), or by
--fence, which takes an entry from its request to its end.`,
		Example: `  conch logs draw node*.log --out run.svg
  conch logs draw node*.log --out entry.png --lock cs --fence 17
  conch logs draw node*.log --out part.pdf --from 100 --to 200 --by time`,
		Args:              logFiles,
		ValidArgsFunction: completeLogFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			format := strings.TrimPrefix(strings.ToLower(filepath.Ext(out)), ".")
			orders := []string{"cause", "time"}
			switch order := slices.Index(orders, by); {
			case !slices.Contains(draw.Formats, format):
				return misuse(cmd, "--out: got %q, want a file that ends in .%s", out, strings.Join(draw.Formats, ", ."))
			case order < 0:
				return misuse(cmd, "--by: got %q, want one of %s", by, strings.Join(orders, ", "))
			case o.From < 0 || o.To < 0:
				return misuse(cmd, "--from and --to: got %d and %d, want numbers of lines, from 1", o.From, o.To)
			case o.Fence != 0 && (o.From != 0 || o.To != 0):
				return misuse(cmd, "--fence chooses a part by itself; leave --from and --to out")
			default:
				o.By = draw.Order(order)
			}
			return drawLogs(cmd.ErrOrStderr(), files, o, out, format)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&out, "out", "", "write the picture to `FILE`, which ends in .svg, .png or .pdf")
	cmd.Flags().StringVar(&o.Lock, "lock", "", "draw this `LOCK` (default: the one with the most lines)")
	cmd.Flags().IntVar(&o.From, "from", 0, "draw from this `LINE` of the merged logs on")
	cmd.Flags().IntVar(&o.To, "to", 0, "draw up to this `LINE` of the merged logs")
	cmd.Flags().Uint64Var(&o.Fence, "fence", 0, "draw the entry with this `FENCE`")
	cmd.Flags().StringVar(&by, "by", "cause", "`ORDER` along the lines: cause or time")
	return cmd
}

// drawLogs draws the picture and says what it shows.
func drawLogs(says io.Writer, files []string, o draw.Options, out, format string) error {
	run, err := openLogs(files)
	if err != nil {
		return err
	}
	picture, err := draw.Draw(run, o)
	if errors.Is(err, draw.ErrNothing) {
		return insufficient(err)
	}
	if err != nil {
		return err
	}
	if err := writeFile(out, func(w io.Writer) error { return picture.Write(w, format) }); err != nil {
		return err
	}
	fmt.Fprintf(says, "%s: lines %d to %d of %d, %s\n", out, picture.From, picture.To, picture.Lines,
		count(picture.Messages, "message", "messages"))
	return nil
}

// writeFile writes a file whole, or leaves it as it was.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	defer func() { _ = file.Cleanup() }() // does nothing once the file is renamed
	if err := write(file); err != nil {
		return fmt.Errorf("--out %s: %w", path, err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}
