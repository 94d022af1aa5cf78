package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"conch/internal/pki"
	"conch/internal/render"
)

func newCertShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [flags] FILE...",
		Short: "Show what certificates say",
		Long: `Shows whom certificates are for, who issued them, what they may be used for and how long
they are valid. It does not check whether their issuer is to be trusted.

Exit codes: 0 all could be read, 1 not all, 64 wrong usage.`,
		Example: `  conch cert show certs/*.crt
  conch cert show --json certs/*.crt | jq -r 'select(.not_after < "2027-01-01") | .file'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("want files with certificates, one or more")
			}
			return nil
		},
		ValidArgsFunction: completeLogFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			write := writeShown
			if asJSON {
				write = func(w io.Writer, s shownCertificate) error { return json.NewEncoder(w).Encode(s) }
			}
			for _, file := range files {
				certs, err := pki.ReadCertificates(file)
				if err != nil {
					return err
				}
				for _, cert := range certs {
					if err := write(cmd.OutOrStdout(), shownCertificate{file, pki.Describe(cert)}); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as a line of JSON for each certificate, for scripts")
	return cmd
}

// shownCertificate is a line of --json.
type shownCertificate struct {
	File string `json:"file"`
	pki.Description
}

// writeShown shows a certificate to people. Its issuer may have written anything into it.
func writeShown(w io.Writer, s shownCertificate) error {
	plain := func(texts []string) string {
		if len(texts) == 0 {
			return "none"
		}
		return render.Plain(strings.Join(texts, ", "))
	}
	var uses []string
	if s.ForServers {
		uses = append(uses, "server")
	}
	if s.ForClients {
		uses = append(uses, "client")
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s: %s %s\n", s.File, s.Kind, plain(s.Names))
	fmt.Fprintf(table, "  issued by\t%s\n", plain([]string{s.Issuer}))
	if s.Kind != "authority" {
		fmt.Fprintf(table, "  hosts\t%s\n  may be\t%s\n", plain(s.Hosts), plain(uses))
	}
	fmt.Fprintf(table, "  valid\t%s to %s%s\n", s.NotBefore.Format(time.RFC3339), s.NotAfter.Format(time.RFC3339), validity(s.Description))
	fmt.Fprintf(table, "  SHA-256\t%s\n", s.Fingerprint)
	return table.Flush()
}

// validity says what is wrong with the certificate's time, if anything.
func validity(d pki.Description) string {
	switch now := time.Now(); {
	case now.Before(d.NotBefore):
		return ": NOT YET"
	case now.After(d.NotAfter):
		return ": EXPIRED"
	}
	return ""
}
