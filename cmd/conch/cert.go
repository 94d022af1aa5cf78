package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"conch/internal/pki"
)

// oneDay is the unit of --days.
const oneDay = 24 * time.Hour

func newCertCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "Make certificates for members and clients",
		Long: `An authority of your own, for clusters on networks that you do not trust. Make it once,
if possible on a machine that is none of the nodes, and with it a certificate for each
member and each client. A node or client needs its own certificate and key, and the
authority's certificate; only this command needs the authority's key.

Another authority's certificates, a company's, do as well. A member's must name its
host, and be for server and client authentication.`,
		Example: `  conch cert init                                   an authority, in the folder certs
  conch cert node node1:7400 node2:7400 node3:7400  certificates for three members
  conch cert client alice                           and for a client
  conch cert show certs/*.crt`,
	}
	cmd.AddCommand(newCertInitCommand(), newCertNodeCommand(), newCertClientCommand(), newCertShowCommand())
	return cmd
}

// certFlags are the flags of commands that make certificates.
type certFlags struct {
	dir    string
	days   int
	asJSON bool
}

func (f *certFlags) addTo(cmd *cobra.Command, lifetime time.Duration) {
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&f.dir, "dir", "certs", "the `DIR` of the authority")
	cmd.Flags().IntVar(&f.days, "days", int(lifetime/oneDay), "how long certificates are valid, in `DAYS`")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "tell as lines of JSON what was made, for scripts")
}

// lifetime returns the time that --days gives.
func (f *certFlags) lifetime(cmd *cobra.Command) (time.Duration, error) {
	if most := int(pki.MaxLifetime / oneDay); f.days < 1 || f.days > most {
		return 0, misuse(cmd, "--days: got %d, want 1 to %d", f.days, most)
	}
	return time.Duration(f.days) * oneDay, nil
}

func newCertInitCommand() *cobra.Command {
	var flags certFlags
	cmd := &cobra.Command{
		Use:   "init [flags] [HOST:PORT...]",
		Short: "Make an authority",
		Long: `Makes an authority: ca.crt, the certificate for every node and client, and ca.key, which
makes members, for your eyes only. Members that are named get their certificates at
once, as by conch cert node, for a year.

Nothing is overwritten.`,
		Example: `  conch cert init
  conch cert init --dir ~/conch 10.0.0.1:7400 10.0.0.2:7400 10.0.0.3:7400`,
		Args:              memberArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			lifetime, err := flags.lifetime(cmd)
			if err != nil {
				return err
			}
			subjects, err := subjectsOf(args, pki.NewMember)
			if err != nil {
				return err
			}
			authority, pair, err := pki.Init(flags.dir, lifetime)
			if err != nil {
				return err
			}
			pairs, err := authority.Issue(flags.dir, min(lifetime, pki.LeafLifetime), subjects...)
			return errors.Join(flags.tell(cmd.OutOrStdout(), authority, append([]pki.Pair{pair}, pairs...)), err)
		},
	}
	flags.addTo(cmd, pki.AuthorityLifetime)
	return cmd
}

func newCertNodeCommand() *cobra.Command {
	cmd := newIssueCommand(pki.NewMember)
	cmd.Use = "node [flags] HOST:PORT..."
	cmd.Short = "Make certificates for members"
	cmd.Long = `Makes a certificate and a key for each member: HOST_PORT.crt and HOST_PORT.key. A member
is named by the address by which the others know it (conch node --advertise).

Nothing is overwritten. To renew a certificate, write the new one to another folder and
move both files over the old ones; the node loads them without a restart.`
	cmd.Example = `  conch cert node 10.0.0.1:7400 10.0.0.2:7400 10.0.0.3:7400
  conch cert node --out new 10.0.0.1:7400 && mv new/* certs/`
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("want the addresses of members, HOST:PORT, one or more")
		}
		return memberArguments(cmd, args)
	}
	return cmd
}

func newCertClientCommand() *cobra.Command {
	cmd := newIssueCommand(pki.NewClient)
	cmd.Use = "client [flags] NAME..."
	cmd.Short = "Make certificates for clients"
	cmd.Long = `Makes a certificate and a key for each client: NAME.crt and NAME.key. Rules (conch node --allow) and logs know the client by this name. A client's certificate
cannot be used as a member's.

Nothing is overwritten.`
	cmd.Example = `  conch cert client alice ci@example.com`
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("want the names of clients, one or more")
		}
		_, err := subjectsOf(args, pki.NewClient)
		return err
	}
	return cmd
}

// newIssueCommand makes the command that issues certificates to the subjects named by its
// arguments.
func newIssueCommand(subject func(string) (pki.Subject, error)) *cobra.Command {
	var flags certFlags
	var out string
	cmd := &cobra.Command{
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			lifetime, err := flags.lifetime(cmd)
			if err != nil {
				return err
			}
			subjects, err := subjectsOf(args, subject)
			if err != nil {
				return err
			}
			authority, err := pki.Open(flags.dir)
			if err != nil {
				return err
			}
			if out == "" {
				out = flags.dir
			}
			pairs, err := authority.Issue(out, lifetime, subjects...)
			return errors.Join(flags.tell(cmd.OutOrStdout(), authority, pairs), err)
		},
	}
	flags.addTo(cmd, pki.LeafLifetime)
	cmd.Flags().StringVar(&out, "out", "", "write the files to `DIR` (default: --dir)")
	return cmd
}

// memberArguments requires addresses of members, each once.
func memberArguments(_ *cobra.Command, args []string) error {
	_, err := subjectsOf(args, pki.NewMember)
	return err
}

// subjectsOf reads the arguments, which must all differ.
func subjectsOf(args []string, parse func(string) (pki.Subject, error)) ([]pki.Subject, error) {
	var subjects []pki.Subject
	seen := map[pki.Subject]bool{}
	for _, arg := range args {
		subject, err := parse(arg)
		if err != nil {
			return nil, err
		}
		if seen[subject] {
			return nil, fmt.Errorf("%q is given twice; want each once", arg)
		}
		seen[subject] = true
		subjects = append(subjects, subject)
	}
	return subjects, nil
}

// madePair is a line of --json.
type madePair struct {
	Kind     string    `json:"kind"` // authority, member or client
	Name     string    `json:"name"` // an address or a client's name; empty for an authority
	Cert     string    `json:"cert"`
	Key      string    `json:"key"`
	CA       string    `json:"ca"`
	NotAfter time.Time `json:"not_after"`
}

// tell says what was made.
func (f *certFlags) tell(w io.Writer, authority *pki.Authority, pairs []pki.Pair) error {
	for _, p := range pairs {
		made := madePair{Kind: "client", Name: p.Subject.Name, Cert: p.CertFile, Key: p.KeyFile, CA: authority.CertFile(), NotAfter: p.NotAfter}
		switch {
		case p.Subject == pki.Subject{}:
			made.Kind = "authority"
		case p.Subject.Member:
			made.Kind = "member"
		}
		if err := f.tellOne(w, made); err != nil {
			return err
		}
	}
	return nil
}

func (f *certFlags) tellOne(w io.Writer, made madePair) error {
	if f.asJSON {
		return json.NewEncoder(w).Encode(made)
	}
	day := made.NotAfter.Format(time.DateOnly)
	if made.Kind == "authority" {
		_, err := fmt.Fprintf(w, "authority, valid until %s\n  %s  for every node and client\n  %s  secret: whoever has it can make members\n", day, made.Cert, made.Key)
		return err
	}
	_, err := fmt.Fprintf(w, "%s %s, valid until %s\n  --tls-cert %s --tls-key %s --tls-ca %s\n", made.Kind, made.Name, day, made.Cert, made.Key, made.CA)
	return err
}
