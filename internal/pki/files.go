package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	keyMode  fs.FileMode = 0o600
	certMode fs.FileMode = 0o644
	dirMode  fs.FileMode = 0o700

	// maxFileBytes is far above the size of any file of certificates; all authorities of a
	// browser take some 250 KB.
	maxFileBytes = 4 << 20
)

// newFile is a file to be written.
type newFile struct {
	path string
	data []byte
	mode fs.FileMode
}

// writeNew writes files that must not exist yet, durably. If it fails, none of them is
// left. A crash may leave some, or a part of one, which the next attempt refuses to
// overwrite.
func writeNew(files ...newFile) error {
	for i, f := range files {
		if err := f.write(); err != nil {
			for _, written := range files[:i] {
				err = errors.Join(err, os.Remove(written.path))
			}
			return err
		}
	}
	for _, f := range files {
		if err := syncDir(filepath.Dir(f.path)); err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
	}
	return nil
}

func (f newFile) write() error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if errors.Is(err, fs.ErrExist) {
		return exists(f.path)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	_, err = file.Write(f.data)
	// The umask may have removed permissions that readers of a certificate need.
	err = errors.Join(err, file.Chmod(f.mode), file.Sync(), file.Close())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, errors.Join(err, os.Remove(f.path)))
	}
	return nil
}

func exists(path string) error {
	return fmt.Errorf("%w: %s: nothing is overwritten", ErrExists, path)
}

// refuseExisting returns an error with a remedy if either file of a pair exists.
func refuseExisting(remedy string, pair Pair) error {
	for _, path := range []string{pair.CertFile, pair.KeyFile} {
		switch _, err := os.Lstat(path); {
		case err == nil:
			return fmt.Errorf("%w; %s", exists(path), remedy)
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// makeDir makes a directory for this user only, or checks the one that is there.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	return checkDir(dir)
}

// checkDir refuses a directory that others may write to, since they could replace
// certificates.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrFile, err)
	case !info.IsDir():
		return fmt.Errorf("%w %s: it is not a directory", ErrFile, dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%w %s: %w: other users may write to it (mode %#o); run: chmod go-w %s",
			ErrFile, dir, ErrPermissions, info.Mode().Perm(), dir)
	}
	return nil
}

// checkTrusted refuses a file of authorities that every user may write to, since they could
// add one.
func checkTrusted(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrFile, err)
	case info.Mode().IsRegular() && info.Mode().Perm()&0o002 != 0:
		return fmt.Errorf("%w %s: %w: every user of this machine may write to it (mode %#o); run: chmod o-w %s",
			ErrFile, path, ErrPermissions, info.Mode().Perm(), path)
	}
	return nil
}

// readFile reads a file of certificates or keys. One with a secret must be its
// owner's only, or root's and readable by a group of this process.
func readFile(path string, secret secrecy) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if secret {
		if err := checkSecret(path, info); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("%w %s: it has more than %d bytes; want PEM", ErrFile, path, maxFileBytes)
	}
	return data, nil
}

// secrecy says whether a file holds a key.
type secrecy bool

const (
	public secrecy = false
	secret secrecy = true
)

// loadPair reads a key and a certificate, whose file may go on with the authorities between
// it and a trusted one.
func loadPair(certFile, keyFile string) (tls.Certificate, error) {
	certPEM, err := readFile(certFile, public)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := readFile(keyFile, secret)
	if err != nil {
		return tls.Certificate{}, err
	}
	// One by one first, since the error for the pair does not name the file.
	if _, err := parseCertificates(certFile, certPEM); err != nil {
		return tls.Certificate{}, err
	}
	if err := checkKey(keyFile, keyPEM); err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%w the key %s with the certificate %s: %w", ErrFile, keyFile, certFile, err)
	}
	return pair, nil
}

// ReadCertificates reads a file of one or more certificates. The error wraps [ErrFile].
func ReadCertificates(path string) ([]*x509.Certificate, error) {
	data, err := readFile(path, public)
	if err != nil {
		return nil, err
	}
	return parseCertificates(path, data)
}

// parseCertificates reads the certificates of a file and skips blocks of other types.
func parseCertificates(path string, data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w %s: certificate %d in it: %w", ErrFile, path, len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("%w %s: no certificate in it; want PEM, with -----BEGIN CERTIFICATE-----", ErrFile, path)
	}
	return certs, nil
}
