package web

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"conch/internal/web/learn"
)

//go:embed page/index.html
var indexPage []byte

//go:embed static
var static embed.FS

// tokenMark stands for the token in the page.
var tokenMark = []byte("{{token}}")

// index is the page.
func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(bytes.ReplaceAll(indexPage, tokenMark, []byte(s.token))) // a reader that is gone is nobody to tell
}

// staticFiles are what the page needs.
func staticFiles() http.Handler {
	files := http.FileServerFS(static)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") { // no lists of files
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}

// learnFiles are the stepper. Without the WebAssembly it is told what to run; its own
// page says it too, but not to someone who looks with curl.
func learnFiles() http.Handler {
	files := http.StripPrefix("/learn/", http.FileServerFS(learn.FS()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		name := strings.TrimPrefix(r.URL.Path, "/learn/")
		if _, err := fs.Stat(learn.FS(), name); name != "" && err != nil && !learn.Built() {
			http.Error(w, "this program was built without the stepper: run "+learn.Command+" and build it again", http.StatusNotFound)
			return
		}
		files.ServeHTTP(w, r)
	})
}

// Profiles serves the profiles of this process, below /debug/pprof/.
func Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A profile takes as long as the request says.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		mux.ServeHTTP(w, r)
	})
}
