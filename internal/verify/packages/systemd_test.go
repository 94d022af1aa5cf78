package packages_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// units copies the unit files to a folder, with an existing program and jobs.
func units(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	here, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(root + "/packaging/linux/systemd/*@.*")
	if err != nil || len(files) == 0 {
		t.Fatalf("got the unit files %v (%v), want some", files, err)
	}
	for _, file := range append(files, root+"/packaging/linux/systemd/conch.service") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Replace(filepath.Base(file), "@.", "@x.", 1)
		with := strings.ReplaceAll(string(text), "/usr/bin/conch", here)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(with), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestUnitFilesAreUnderstood: systemd finds nothing wrong with them.
func TestUnitFilesAreUnderstood(t *testing.T) {
	analyze, folder := installed(t, "systemd-analyze"), units(t)
	verify := func() string {
		files, err := filepath.Glob(folder + "/*")
		if err != nil {
			t.Fatal(err)
		}
		// It ends with 0 if there are only warnings.
		out, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no"}, files...)...).CombinedOutput()
		var ours []string
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "conch") || strings.Contains(line, folder) {
				ours = append(ours, line)
			}
		}
		if err != nil && len(ours) == 0 {
			t.Fatalf("systemd-analyze verify: %v\n%s", err, out)
		}
		return strings.Join(ours, "")
	}
	if said := verify(); said != "" {
		t.Errorf("systemd-analyze verify said\n%s", said)
	}
	service, err := os.OpenFile(filepath.Join(folder, "conch.service"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	if _, err := service.WriteString("[Service]\nProtectHomes=yes\n"); err != nil {
		t.Fatal(err)
	}
	if verify() == "" {
		t.Error("systemd-analyze verify says nothing of a setting that does not exist, so this test tests nothing")
	}
}

// TestNodeIsConfined: systemd's score of what a hijacked node could do is bounded, by what
// systemd calls OK (below 2.5 of 10).
func TestNodeIsConfined(t *testing.T) {
	analyze, folder := installed(t, "systemd-analyze"), units(t)
	for _, unit := range []string{"conch.service", "conch@x.service"} {
		out := output(t, "", analyze, "security", "--offline=yes", "--no-pager", filepath.Join(folder, unit))
		level := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(out)
		if level == nil {
			t.Fatalf("systemd-analyze security said no level:\n%s", out)
		}
		if exposure, err := strconv.ParseFloat(level[1], 64); err != nil || exposure >= 2.5 {
			t.Errorf("%s: exposure level %s (%v), want less than 2.5:\n%s", unit, level[1], err, out)
		}
	}
}

// TestBothServicesAreAlike: they differ in nothing but the instance.
func TestBothServicesAreAlike(t *testing.T) {
	one, each := read(t, "packaging/linux/systemd/conch.service"), read(t, "packaging/linux/systemd/conch@.service")
	each = strings.ReplaceAll(each, "Description=conch node %i,", "Description=conch,")
	each = strings.ReplaceAll(each, "/etc/conch/%i.env", "/etc/conch/conch.env")
	each = strings.NewReplacer("/%i", "", "-%i", "").Replace(each)
	if one != each {
		t.Errorf("conch.service and conch@.service differ in more than the instance:\n%s\n---\n%s", one, each)
	}
}

// TestLogrotateUnderstandsItsFile: logrotate finds nothing wrong with the file of the package.
func TestLogrotateUnderstandsItsFile(t *testing.T) {
	logrotate := installed(t, "logrotate")
	folder := t.TempDir()
	file := filepath.Join(folder, "conch")
	// The user of the package does not exist here.
	text := strings.Replace(read(t, "packaging/linux/logrotate"), "create 0640 conch conch", "create 0640", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), logrotate, "--debug", "--state", filepath.Join(folder, "state"), file).CombinedOutput()
	if err != nil || strings.Contains(string(out), "error:") {
		t.Errorf("logrotate --debug: %v\n%s", err, out)
	}
}
