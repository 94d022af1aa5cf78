package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// watched is a connection that ends with what let its other side in: when the
// certificate that was shown ends, or when no authority that is trusted by now issued
// it. It is looked at when something comes or goes, at most once a second.
type watched struct {
	net.Conn
	side *TLS
	// shown is what the other side showed, and use what it had to be good for.
	shown []*x509.Certificate
	use   x509.ExtKeyUsage
	// ended is told once why the connection has ended, by whoever reads from it.
	ended func(error)
	told  sync.Once

	looked atomic.Int64 // when it was looked at last, in nanoseconds since 1970

	mu    sync.Mutex
	seen  *material // what it was verified with
	until time.Time // for how long that is good
	why   error     // it has ended, if so
}

// watch watches over a connection whose handshake is done. Nil tells nobody of its end.
func (t *TLS) watch(conn net.Conn, state tls.ConnectionState, use x509.ExtKeyUsage, ended func(error)) *watched {
	return &watched{Conn: conn, side: t, shown: state.PeerCertificates, use: use, ended: ended}
}

// Read is net.Conn's. Nothing that comes behind the end is passed on.
func (c *watched) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	why := c.check(c.side.fresh)
	if why == nil {
		return n, err
	}
	c.told.Do(func() {
		if c.ended != nil {
			c.ended(why)
		}
	})
	return 0, why
}

// Write is net.Conn's. It looks for no changed files: whoever is told of them might want
// to write here.
func (c *watched) Write(p []byte) (int, error) {
	if why := c.check(c.side.current.Load); why != nil {
		return 0, why
	}
	return c.Conn.Write(p)
}

// check returns why the connection has ended; nil if it has not.
func (c *watched) check(current func() *material) error {
	now := c.side.now()
	last := c.looked.Load()
	if since := now.UnixNano() - last; since >= 0 && since < int64(checkInterval) || !c.looked.CompareAndSwap(last, now.UnixNano()) {
		return c.end()
	}
	m := current()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why != nil || m == c.seen && now.Before(c.until) {
		return c.why
	}
	chains, err := verify(c.shown, m.roots, c.use, now)
	if err != nil {
		c.why = fmt.Errorf("the connection ends with the certificate that it began with: %w", err)
		_ = c.Conn.Close() // which wakes a reader up
		return c.why
	}
	c.seen, c.until = m, endOf(chains)
	return nil
}

func (c *watched) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// verify verifies certificates as a handshake would, but for names.
func verify(shown []*x509.Certificate, roots *x509.CertPool, use x509.ExtKeyUsage, now time.Time) (chains [][]*x509.Certificate, err error) {
	between := x509.NewCertPool()
	for _, cert := range shown[1:] {
		between.AddCert(cert)
	}
	chains, err = shown[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{use},
	})
	if err != nil {
		return nil, explainCertificate(err, now)
	}
	return chains, nil
}

// endOf returns until when the best of some chains is good.
func endOf(chains [][]*x509.Certificate) (end time.Time) {
	for _, chain := range chains {
		ends := chain[0].NotAfter
		for _, cert := range chain {
			if cert.NotAfter.Before(ends) {
				ends = cert.NotAfter
			}
		}
		if ends.After(end) {
			end = ends
		}
	}
	return end
}
