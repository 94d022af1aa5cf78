package packages_test

import (
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// testVersion is the version that the packages of the tests have.
const testVersion = "v1.2.3+4.gabcdef0"

// makes runs make in the checkout.
func makes(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--silent", "-C", root, "BIN=" + t.TempDir(), "LEARN_FIRST="}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { // of a make that runs the tests
		return strings.HasPrefix(entry, "MAKE") || strings.HasPrefix(entry, "MFLAGS=")
	})
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %v: %v\n%s", args, err, out)
	}
}

// TestPackages makes the packages of this platform, and checks their contents.
func TestPackages(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT with -short: packages")
	}
	if runtime.GOOS != "linux" {
		t.Skip("LEFT OUT: deb and rpm, which are made on Linux")
	}
	tool(t, "nfpm")
	tool(t, "cyclonedx-gomod")
	dist := t.TempDir()
	makes(t, "dist", "VERSION="+testVersion, "DIST="+dist, "PLATFORMS=linux/"+runtime.GOARCH)
	name := filepath.Join(dist, "conch_1.2.3+4.gabcdef0_linux_"+runtime.GOARCH)
	t.Run("archive", func(t *testing.T) { checkArchive(t, name+".tar.gz") })
	t.Run("deb", func(t *testing.T) { checkDeb(t, filepath.Join(dist, "conch_1.2.3+4.gabcdef0_"+runtime.GOARCH+".deb")) })
	t.Run("checksums", func(t *testing.T) { checkSums(t, dist) })
	t.Run("SBOM", func(t *testing.T) { checkBOM(t, name) })
	t.Run("rpm", func(t *testing.T) { checkRPM(t, dist) })
}

// TestInstall: "make install" installs below PREFIX and DESTDIR, and leaves settings alone.
func TestInstall(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT with -short: make install")
	}
	into := t.TempDir()
	makes(t, "install", "PREFIX=/opt/conch", "DESTDIR="+into, "VERSION="+testVersion)
	checkProgram(t, filepath.Join(into, "opt", "conch", "bin", "conch"))
	if runtime.GOOS != "linux" {
		return
	}
	unit, err := os.ReadFile(filepath.Join(into, "opt", "conch", "lib", "systemd", "system", "conch.service"))
	if err != nil || !strings.Contains(string(unit), "ExecStart=/opt/conch/bin/conch node\n") {
		t.Errorf("the unit file (%v) does not start /opt/conch/bin/conch:\n%s", err, unit)
	}
	settings := filepath.Join(into, "etc", "conch", "conch.env")
	if err := os.WriteFile(settings, []byte("CONCH_LISTEN=:7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	makes(t, "install", "PREFIX=/opt/conch", "DESTDIR="+into, "VERSION="+testVersion)
	if now, err := os.ReadFile(settings); err != nil || string(now) != "CONCH_LISTEN=:7\n" {
		t.Errorf("a second make install (%v) has changed the settings to\n%s", err, now)
	}
}

// checkProgram requires a program of the right version that needs no C library.
func checkProgram(t *testing.T, path string) {
	t.Helper()
	if out := output(t, "", path, "version"); !strings.HasPrefix(out, "conch "+testVersion+"\n") {
		t.Errorf("%s version said %q, want %s", path, out, testVersion)
	}
	if runtime.GOOS != "linux" {
		return
	}
	program, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("%s needs the libraries %v (%v), want none", path, libraries, err)
	}
	if slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Errorf("%s needs an interpreter, want a static program", path)
	}
}

func checkArchive(t *testing.T, archive string) {
	t.Helper()
	into := t.TempDir()
	output(t, "", "tar", "-x", "--strip-components=1", "-f", archive, "-C", into)
	checkProgram(t, filepath.Join(into, "bin", "conch"))
	for _, file := range []string{"share/man/man1/conch-lock.1.gz", "share/bash-completion/completions/conch", "share/doc/conch/LICENSE"} {
		if _, err := os.Stat(filepath.Join(into, file)); err != nil {
			t.Error(err)
		}
	}
}

// debFiles are files of the deb, and their modes.
var debFiles = map[string]fs.FileMode{
	"usr/bin/conch":                                  0o755,
	"usr/lib/systemd/system/conch.service":           0o644,
	"usr/lib/systemd/system/conch@.service":          0o644,
	"usr/lib/systemd/system/conch-job@.service":      0o644,
	"usr/lib/systemd/system/conch-job@.timer":        0o644,
	"usr/lib/sysusers.d/conch.conf":                  0o644,
	"usr/share/man/man1/conch.1.gz":                  0o644,
	"usr/share/man/man1/conch-node.1.gz":             0o644,
	"usr/share/bash-completion/completions/conch":    0o644,
	"usr/share/zsh/vendor-completions/_conch":        0o644,
	"usr/share/fish/vendor_completions.d/conch.fish": 0o644,
	"usr/share/doc/conch/OPERATIONS.md":              0o644,
	"usr/share/doc/conch/USING.md":                   0o644,
	"usr/share/doc/conch/TLS.md":                     0o644,
	"usr/share/doc/conch/alerts.yml":                 0o644,
}

// checkDeb installs the deb into a clean root.
func checkDeb(t *testing.T, deb string) {
	t.Helper()
	extract := installed(t, "dpkg-deb")
	clean := t.TempDir()
	settings := map[string]fs.FileMode{"etc/conch/conch.env": 0o644, "etc/logrotate.d/conch": 0o644}
	if os.Getuid() == 0 {
		for _, folder := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"} {
			if err := os.MkdirAll(filepath.Join(clean, folder), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(clean, "var", "lib", "dpkg", "status"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		// Its scripts would need a shell in the root. They also put the settings in place.
		output(t, "", installed(t, "dpkg"), "--root="+clean, "--log="+filepath.Join(clean, "log"), "--unpack", deb)
		settings = map[string]fs.FileMode{"etc/conch/conch.env.dpkg-new": 0o644, "etc/logrotate.d/conch.dpkg-new": 0o644}
	} else {
		output(t, "", extract, "-x", deb, clean)
	}
	for _, files := range []map[string]fs.FileMode{debFiles, settings} {
		for file, want := range files {
			if info, err := os.Stat(filepath.Join(clean, file)); err != nil {
				t.Error(err)
			} else if info.Mode() != want {
				t.Errorf("%s has mode %v, want %v", file, info.Mode(), want)
			}
		}
	}
	checkProgram(t, filepath.Join(clean, "usr", "bin", "conch"))
	if os.Getuid() == 0 { // a root with nothing else in it
		if out := output(t, "", installed(t, "chroot"), clean, "/usr/bin/conch", "version"); !strings.HasPrefix(out, "conch "+testVersion+"\n") {
			t.Errorf("in a root of its own, conch version said %q", out)
		}
	}
	if version := strings.TrimSpace(output(t, "", extract, "--field", deb, "Version")); version != "1.2.3+4.gabcdef0" {
		t.Errorf("the deb has version %q, want 1.2.3+4.gabcdef0", version)
	}
	control := t.TempDir()
	output(t, "", extract, "--control", deb, control)
	conffiles, err := os.ReadFile(filepath.Join(control, "conffiles"))
	if err != nil || !strings.Contains(string(conffiles), "/etc/conch/conch.env\n") {
		t.Errorf("the deb's conffiles (%v) are %q, want /etc/conch/conch.env among them", err, conffiles)
	}
	checkScripts(t, control)
}

// checkScripts: a shell understands the scripts of the package.
func checkScripts(t *testing.T, control string) {
	t.Helper()
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		output(t, "", "sh", "-n", filepath.Join(control, script))
	}
}

func checkSums(t *testing.T, dist string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		content, err := os.ReadFile(filepath.Join(dist, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != sum {
			t.Errorf("%s has the checksum %s, and SHA256SUMS says %s", name, got, sum)
		}
		count++
	}
	if count != 4 { // archive, deb, rpm, SBOM
		t.Errorf("SHA256SUMS has %d files, want 4:\n%s", count, text)
	}
}

// checkBOM: the list names each module that the Go tool has built into the program.
func checkBOM(t *testing.T, name string) {
	t.Helper()
	var bom struct {
		BOMFormat  string `json:"bomFormat"`
		Components []struct {
			Name, Version string
		}
	}
	text, err := os.ReadFile(name + ".cdx.json")
	if err := errors.Join(err, json.Unmarshal(text, &bom)); err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string)
	for _, c := range bom.Components {
		listed[c.Name] = c.Version
	}
	into := t.TempDir()
	output(t, "", "tar", "-x", "--strip-components=1", "-f", name+".tar.gz", "-C", into)
	info, err := buildinfo.ReadFile(filepath.Join(into, "bin", "conch"))
	if err != nil {
		t.Fatal(err)
	}
	if bom.BOMFormat != "CycloneDX" || len(info.Deps) == 0 {
		t.Errorf("the format is %q, want CycloneDX; the program has %d modules", bom.BOMFormat, len(info.Deps))
	}
	for _, module := range info.Deps {
		if listed[module.Path] != module.Version {
			t.Errorf("the list has %s %q, and the program %q", module.Path, listed[module.Path], module.Version)
		}
	}
}

func checkRPM(t *testing.T, dist string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dist, "*.rpm"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got the rpms %v (%v), want one", files, err)
	}
	if !regexp.MustCompile(`/conch-1\.2\.3\+4\.gabcdef0-1\.\w+\.rpm$`).MatchString(files[0]) {
		t.Errorf("the rpm is %s", files[0])
	}
	list := output(t, "", installed(t, "rpm"), "--query", "--package", "--list", files[0])
	for _, file := range []string{"/usr/bin/conch", "/usr/lib/systemd/system/conch.service", "/etc/conch/conch.env", "/usr/share/zsh/site-functions/_conch"} {
		if !strings.Contains(list, file+"\n") {
			t.Errorf("the rpm lacks %s:\n%s", file, list)
		}
	}
}
