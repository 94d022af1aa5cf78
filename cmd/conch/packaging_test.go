package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPackagingSetsFlagsThatExist: every --NAME and CONCH_NAME in packaging/ is a flag of
// conch node.
func TestPackagingSetsFlagsThatExist(t *testing.T) {
	flags := newNodeCommand().Flags()
	// Other programs read these.
	others := map[string]bool{"CONCH_NODE": true, "CONCH_IMAGE": true}
	given := regexp.MustCompile(`(?:^|[\s"-]) ?--([a-z][a-z-]+)(?:=|\s|$)`)
	variable := regexp.MustCompile(`\bCONCH_[A-Z_]+`)
	checked := 0
	for _, file := range []string{"helm", "kubernetes/conch.yaml", "container/compose.yaml", "linux/conch.env", "linux/systemd"} {
		err := filepath.WalkDir(filepath.Join("..", "..", "packaging", file), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for number, line := range strings.Split(string(text), "\n") {
				var names []string
				for _, name := range variable.FindAllString(line, -1) {
					if !others[name] {
						names = append(names, strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "CONCH_"), "_", "-")))
					}
				}
				if item := strings.TrimSpace(line); strings.HasPrefix(item, "- --") {
					if match := given.FindStringSubmatch(item); match != nil {
						names = append(names, match[1])
					}
				}
				for _, name := range names {
					if checked++; flags.Lookup(name) == nil {
						t.Errorf("%s:%d: conch node has no flag --%s", path, number+1, name)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if checked < 50 {
		t.Errorf("found %d flags in folder packaging, want 50 or more", checked)
	}
}
