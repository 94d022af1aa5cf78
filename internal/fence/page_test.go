package fence

import (
	"fmt"
	"os"
	"regexp"
	"testing"
)

// page is where the statements stand.
const page = "../../docs/FENCING.md"

// marked finds a statement on the page: a comment, and the block of code below it.
var marked = regexp.MustCompile("(?m)^<!-- test: ([a-z]+ [a-z]+) -->\n```sql\n((?:.*\n)*?)```$")

// statements reads the statements that the page has for a database, by name.
func statements(t *testing.T, database string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	found, err := parsePage(text)
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]string{}
	for _, name := range []string{"table", "enter", "write", "sharedtable", "enterwriter", "enterreader"} {
		if own[name] = found[database+" "+name]; own[name] == "" {
			t.Fatalf("%s has no statement marked <!-- test: %s %s -->", page, database, name)
		}
	}
	return own
}

// parsePage returns all statements of the page by their marks.
func parsePage(text []byte) (map[string]string, error) {
	found := map[string]string{}
	for _, match := range marked.FindAllSubmatch(text, -1) {
		name := string(match[1])
		if found[name] != "" {
			return nil, fmt.Errorf("%s has two statements marked %q", page, name)
		}
		found[name] = string(match[2])
	}
	return found, nil
}

// TestEveryStatementIsTested: no block of SQL stands on the page without a mark.
func TestEveryStatementIsTested(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	found, err := parsePage(text)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?m)^```sql").FindAll(text, -1)
	if len(found) != 12 || len(blocks) != len(found) {
		t.Errorf("%s has %d blocks of SQL, %d of them marked; want 12 and 12", page, len(blocks), len(found))
	}
}
