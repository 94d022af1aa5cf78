package main

import (
	"fmt"
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
}

// addTo adds the flags to a set.
func (f *tlsFlags) addTo(set *pflag.FlagSet) {
	set.StringVar(&f.Cert, "tls-cert", "", "a `FILE` with the certificate; see conch cert")
	set.StringVar(&f.Key, "tls-key", "", "a `FILE` with its key, which only its owner may read")
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
		f.TLSFiles = conch.TLSFiles{Cert: os.Getenv(envTLSCert), Key: os.Getenv(envTLSKey), CA: os.Getenv(envTLSCA)}
	}
}

// check refuses files of which some are missing, with a usage error.
func (f *tlsFlags) check(cmd *cobra.Command) error {
	if f.TLSFiles != (conch.TLSFiles{}) && (f.Cert == "" || f.Key == "" || f.CA == "") {
		return misuse(cmd, "TLS wants all three files or none: got --tls-cert %q, --tls-key %q, --tls-ca %q", f.Cert, f.Key, f.CA)
	}
	return nil
}

// security is what a client's connections are secured with.
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
