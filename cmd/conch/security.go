package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch"
	"conch/internal/client"
	"conch/internal/pki"
)

// The environment variables that name a client's files.
const (
	envTLSCert = "CONCH_TLS_CERT"
	envTLSKey  = "CONCH_TLS_KEY"
	envTLSCA   = "CONCH_TLS_CA"
)

// tlsFlags are the files of one side of TLS connections.
type tlsFlags struct {
	conch.TLSFiles
	fromEnv bool // the environment names them
}

// addTo adds the flags to a set.
func (f *tlsFlags) addTo(set *pflag.FlagSet) {
	set.StringVar(&f.Cert, "tls-cert", "", "a `FILE` with the certificate; see conch cert")
	set.StringVar(&f.Key, "tls-key", "", "a `FILE` with its key, which only its owner may read, or which is root's and a group of this process may read")
	set.StringVar(&f.CA, "tls-ca", "", "a `FILE` with the certificates of the authorities that are trusted")
}

// addToClient adds the flags to a command that speaks to a node.
func (f *tlsFlags) addToClient(cmd *cobra.Command) {
	security := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.addTo(security)
	addGroup(cmd, "Security, for nodes at a HOST:PORT (default: the files in $"+envTLSCert+", $"+envTLSKey+" and $"+envTLSCA+")", security)
}

// fromEnvironment takes the files from the environment, if no flag names any.
func (f *tlsFlags) fromEnvironment() {
	if f.TLSFiles == (conch.TLSFiles{}) {
		f.fromEnv = true
		f.TLSFiles = conch.TLSFiles{Cert: os.Getenv(envTLSCert), Key: os.Getenv(envTLSKey), CA: os.Getenv(envTLSCA)}
	}
}

// check refuses an incomplete set of files with a usage error.
func (f *tlsFlags) check(cmd *cobra.Command) error {
	if f.TLSFiles != (conch.TLSFiles{}) && (f.Cert == "" || f.Key == "" || f.CA == "") {
		return misuse(cmd, "TLS wants all three files or none: got --tls-cert %q, --tls-key %q, --tls-ca %q", f.Cert, f.Key, f.CA)
	}
	for _, file := range []struct{ flag, variable, path string }{
		{"--tls-cert", envTLSCert, f.Cert}, {"--tls-key", envTLSKey, f.Key}, {"--tls-ca", envTLSCA, f.CA},
	} {
		where := file.flag
		if f.fromEnv {
			where = "$" + file.variable
		}
		if err := checkReadable(cmd, where, file.path); err != nil {
			return err
		}
	}
	return nil
}

// checkReadable refuses a missing file, or one that is not a file, with a usage error that
// names the flag; empty is no file. Reading the file finds other faults.
func checkReadable(cmd *cobra.Command, where, path string) error {
	if path == "" {
		return nil
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return misuse(cmd, "%s: there is no file %s", where, path)
	case err == nil && info.IsDir():
		return misuse(cmd, "%s: %s is a folder; want a file", where, path)
	}
	return nil
}

// security is what secures a client's connections.
func (f *tlsFlags) security(cmd *cobra.Command) (client.Security, error) {
	f.fromEnvironment()
	if err := f.check(cmd); err != nil || f.TLSFiles == (conch.TLSFiles{}) {
		return nil, err
	}
	tls, err := pki.LoadClient(pki.Files(f.TLSFiles), func(error) {})
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return tls.ToNodeCredentials, nil
}
