package fence

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// patience is how long the server may take to start, or a statement to wait. No test
// passes or fails by how long something took.
const patience = 60 * time.Second

// postgreSQL finds a program of the server, where Debian's packages put them.
func postgreSQL(t *testing.T, name string) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Skip("LEFT OUT: the page's statements for PostgreSQL, which is not installed (apt-get install postgresql)")
	}
	return found[len(found)-1]
}

// serverProcess is a program of the server, to be run in a directory by a user who is
// not root, as PostgreSQL wants it, and to end with the test.
func serverProcess(dir, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

// startPostgreSQL runs a server of the test's own on a socket in a directory of the
// test's own, and makes its database ready as the page says.
func startPostgreSQL(t *testing.T) database {
	t.Helper()
	initdb, postgres := postgreSQL(t, "initdb"), postgreSQL(t, "postgres")
	dir := t.TempDir()
	if os.Getuid() == 0 {
		// The folder above is root's alone.
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	if out, err := serverProcess(dir, initdb, "-D", data, "-U", "conch", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	var output bytes.Buffer
	server := serverProcess(dir, postgres, "-D", data, "-k", dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=4MB")
	server.Stdout, server.Stderr = &output, &output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // it has ended already if it did not start
		if err := server.Wait(); t.Failed() {
			t.Logf("PostgreSQL: %v\n%s", err, &output)
		}
	})
	db, err := sql.Open("pgx", "host="+dir+" user=conch dbname=postgres sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	until(t, "PostgreSQL answers", func() bool { return db.PingContext(t.Context()) == nil })
	return prepare(t, db, "postgresql")
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !met(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v until %s", patience, what)
		}
	}
}

func TestPostgreSQL(t *testing.T) {
	db := startPostgreSQL(t)
	testStatements(t, db)
	t.Run("TransactionsKeepOthersOut", func(t *testing.T) { testKeepOthersOut(t, db) })
	t.Run("WaitersOfStricterLevels", func(t *testing.T) { testStricterLevels(t, db) })
	t.Run("OneRow", func(t *testing.T) { testOneRowWaits(t, db) })
}

// outcome is what a statement came to.
type outcome struct {
	changed int64
	err     error
}

// behind runs a statement in a transaction of the level, which must wait for another
// transaction, and returns what comes of it.
func (db database) behind(t *testing.T, level sql.IsolationLevel, text string, args ...any) <-chan outcome {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: level})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() }) // committed, as a rule
	var pid int
	if err := tx.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := tx.ExecContext(t.Context(), text, args...)
		if err != nil {
			done <- outcome{0, err}
			return
		}
		changed, err := result.RowsAffected()
		done <- outcome{changed, errors.Join(err, tx.Commit())}
	}()
	until(t, "the second transaction waits for the first", func() bool {
		return db.number(t, "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'", pid) == 1
	})
	return done
}

// testKeepOthersOut: one order of two holders and the other, the first of which
// commits or gives up, where the lock was known before and where it was not.
func testKeepOthersOut(t *testing.T, db database) {
	for _, test := range []struct {
		name                  string
		before, first, second int64
		end                   func(*sql.Tx) error
		changes               int64
	}{
		{"older first", 4, 5, 6, (*sql.Tx).Commit, 1},
		{"newer first", 4, 6, 5, (*sql.Tx).Commit, 0},
		{"the same", 4, 5, 5, (*sql.Tx).Commit, 1},
		{"newer first, rolled back", 4, 6, 5, (*sql.Tx).Rollback, 1},
		{"older first, new lock", 0, 5, 6, (*sql.Tx).Commit, 1},
		{"newer first, new lock", 0, 6, 5, (*sql.Tx).Commit, 0},
		{"newer first, new lock, rolled back", 0, 6, 5, (*sql.Tx).Rollback, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.before > 0 {
				statement(t, db, db.enter, test.name, test.before)
			}
			first := db.begin(t)
			if got := statement(t, first, db.enter, test.name, test.first); got != 1 {
				t.Errorf("%d changed %d rows, want 1", test.first, got)
			}
			second := db.behind(t, sql.LevelReadCommitted, db.enter, test.name, test.second)
			if err := test.end(first); err != nil {
				t.Fatal(err)
			}
			if got := <-second; got.err != nil || got.changed != test.changes {
				t.Errorf("%d changed %d rows, %v; want %d", test.second, got.changed, got.err, test.changes)
			}
		})
	}
}

func testStricterLevels(t *testing.T, db database) {
	for _, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable} {
		name := level.String()
		statement(t, db, db.enter, name, int64(4))
		first := db.begin(t)
		statement(t, first, db.enter, name, int64(5))
		second := db.behind(t, level, db.enter, name, int64(6))
		commit(t, first)
		got := <-second
		if refused := (*pgconn.PgError)(nil); !errors.As(got.err, &refused) || refused.Code != "40001" {
			t.Errorf("%s: %v, want error 40001", name, got.err)
		}
	}
}

// testOneRowWaits: a guarded update compares with what the transaction before it
// leaves.
func testOneRowWaits(t *testing.T, db database) {
	for i, test := range []struct{ first, second, changes int64 }{{5, 6, 1}, {6, 5, 0}, {5, 5, 1}} {
		id := 10 + i
		statement(t, db, "INSERT INTO documents (id, body) VALUES ($1, '')", id)
		first := db.begin(t)
		statement(t, first, db.write, id, test.first, "first")
		second := db.behind(t, sql.LevelReadCommitted, db.write, id, test.second, "second")
		commit(t, first)
		if got := <-second; got.err != nil || got.changed != test.changes {
			t.Errorf("%d after %d changed %d rows, %v; want %d", test.second, test.first, got.changed, got.err, test.changes)
		}
	}
}
