package web

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// tokenHeader carries the token that an action needs.
const tokenHeader = "Conch-Token"

// policy and learnPolicy are Content-Security-Policies; the stepper runs WebAssembly.
const (
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	learnPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; " +
		"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// requestFilter refuses what other pages might send.
type requestFilter struct {
	names []string // by which browsers may know the server, in lower case
	// anyAddress: the server listens on all interfaces, so each IP address may be its
	// own. An address cannot be rebound; only a name can.
	anyAddress bool
	token      string
	origins    *http.CrossOriginProtection
}

func newRequestFilter(listen string, hosts []string, token string) requestFilter {
	f := requestFilter{names: []string{"localhost"}, token: token, origins: http.NewCrossOriginProtection()}
	if ip, err := netip.ParseAddr(listen); listen == "" || err == nil && ip.IsUnspecified() {
		f.anyAddress = true
	} else {
		f.names = append(f.names, canonical(listen))
	}
	for _, host := range hosts {
		f.names = append(f.names, canonical(host))
	}
	return f
}

// canonical returns the form in which hosts are compared.
func canonical(host string) string {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// knows reports whether a request for this Host is for this server. The port does not
// matter: it is another one behind a tunnel.
func (f requestFilter) knows(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	host = canonical(host)
	if slices.Contains(f.names, host) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (f.anyAddress || ip.IsLoopback())
}

// handler sets the headers of every answer, and refuses requests for other hosts.
func (f requestFilter) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		if strings.HasPrefix(r.URL.Path, "/learn/") {
			h.Set("Content-Security-Policy", learnPolicy)
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !f.knows(r.Host) {
			http.Error(w, "this host name is not one of this node's page; if it should be, start the node with --http-host NAME",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses requests that a browser sends for another site's page. Requests of
// other programs name no origin.
func (f requestFilter) sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Sec-Fetch-Site") {
		case "cross-site", "same-site":
			http.Error(w, "asked for by another site", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// own refuses actions that do not come from this process's page.
func (f requestFilter) own(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f.origins.Check(r); err != nil {
			refuse(w, http.StatusForbidden, "asked for by another site")
			return
		}
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(f.token)) != 1 {
			refuse(w, http.StatusForbidden, "the token is not this process's: load the page anew")
			return
		}
		next.ServeHTTP(w, r)
	})
}
