package fence

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite opens the database file of a test, made ready as the page says, with
// settings for the driver.
func openSQLite(t *testing.T, path, settings string) database {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?"+settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return prepare(t, db, "sqlite")
}

func TestSQLite(t *testing.T) {
	for _, test := range []struct{ name, settings string }{
		{"deferred", "_pragma=busy_timeout(60000)&_pragma=synchronous(off)"},
		{"immediate", "_txlock=immediate&_pragma=busy_timeout(60000)&_pragma=synchronous(off)"},
		{"journal ahead", "_pragma=busy_timeout(60000)&_pragma=synchronous(off)&_pragma=journal_mode(wal)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			testStatements(t, openSQLite(t, filepath.Join(t.TempDir(), "test.db"), test.settings))
		})
	}
}

// TestSQLiteTransactionsKeepOthersOut, in one order of two holders and in the other.
// Nobody waits here: who would have to gets SQLITE_BUSY.
func TestSQLiteTransactionsKeepOthersOut(t *testing.T) {
	for _, test := range []struct{ first, second, changes int64 }{{5, 6, 1}, {6, 5, 0}, {5, 5, 1}} {
		path := filepath.Join(t.TempDir(), "test.db")
		ann, bob := openSQLite(t, path, ""), openSQLite(t, path, "")
		tx := ann.begin(t)
		if got := statement(t, tx, ann.enter, "lock", test.first); got != 1 {
			t.Errorf("%d changed %d rows, want 1", test.first, got)
		}
		_, err := bob.ExecContext(t.Context(), bob.enter, "lock", test.second)
		if refused := (*sqlite.Error)(nil); !errors.As(err, &refused) || refused.Code() != sqlite3.SQLITE_BUSY {
			t.Errorf("%d during %d's transaction: %v, want SQLITE_BUSY", test.second, test.first, err)
		}
		commit(t, tx)
		if got := statement(t, bob, bob.enter, "lock", test.second); got != test.changes {
			t.Errorf("%d after %d changed %d rows, want %d", test.second, test.first, got, test.changes)
		}
	}
}
