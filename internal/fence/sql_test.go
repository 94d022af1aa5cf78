package fence

import (
	"context"
	"database/sql"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

// database is one that the statements of the page run on.
type database struct {
	*sql.DB
	enter, write             string
	enterWriter, enterReader string
}

// prepare makes a database ready as the page says.
func prepare(t *testing.T, db *sql.DB, name string) database {
	t.Helper()
	page := statements(t, name)
	statement(t, db, page["table"])
	statement(t, db, page["sharedtable"])
	return database{db, page["enter"], page["write"], page["enterwriter"], page["enterreader"]}
}

// statement runs one that gets a name, a fence and perhaps more, and returns how many
// rows it changed.
func statement(t *testing.T, on interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, text string, args ...any) int64 {
	t.Helper()
	result, err := on.ExecContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	changed, err := result.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// begin begins a transaction that is over at the end of the test.
func (db database) begin(t *testing.T) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() }) // committed, as a rule
	return tx
}

func commit(t *testing.T, tx *sql.Tx) {
	t.Helper()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// number reads one number.
func (db database) number(t *testing.T, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// testStatements holds the page's statements against what the page says of them.
func testStatements(t *testing.T, db database) {
	for _, text := range []string{
		"CREATE TABLE documents (id integer PRIMARY KEY, body text NOT NULL, fence bigint NOT NULL DEFAULT 0)",
		"CREATE TABLE counter (count integer NOT NULL)",
		"INSERT INTO counter (count) VALUES (0)",
	} {
		statement(t, db, text)
	}
	t.Run("ANumberNeverFalls", func(t *testing.T) { testANumberNeverFalls(t, db) })
	t.Run("AFenceInTheRow", func(t *testing.T) { testAFenceInTheRow(t, db) })
	t.Run("ReadersAndWriters", func(t *testing.T) { testReadersAndWriters(t, db) })
	t.Run("ARollbackForgets", func(t *testing.T) { testARollbackForgets(t, db) })
	t.Run("Range", func(t *testing.T) { testRange(t, db) })
	t.Run("Concurrency", func(t *testing.T) { testConcurrency(t, db) })
}

// fences come in this order, and those below the highest before them are refused.
var fences = []int64{5, 5, 6, 5, 6, 1, 1 << 32, 1<<32 - 1, math.MaxInt64 - 1, math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64}

func testANumberNeverFalls(t *testing.T, db database) {
	var highest int64
	for _, n := range fences {
		tx := db.begin(t)
		var want int64
		if n >= highest {
			highest, want = n, 1
		}
		if got := statement(t, tx, db.enter, "falls", n); got != want {
			t.Errorf("fence %d after %d changed %d rows, want %d", n, highest, got, want)
		}
		commit(t, tx)
	}
	// Another lock's fences are none of this one's.
	if got := statement(t, db, db.enter, "another", int64(1)); got != 1 {
		t.Errorf("another lock's first fence changed %d rows, want 1", got)
	}
	if got := statement(t, db, db.enter, "falls", int64(1)); got != 0 {
		t.Errorf("the old lock's low fence changed %d rows, want 0", got)
	}
}

func testAFenceInTheRow(t *testing.T, db database) {
	statement(t, db, "INSERT INTO documents (id, body) VALUES (1, '')")
	var highest int64
	for i, n := range fences {
		var want int64
		if n >= highest {
			highest, want = n, 1
		}
		if got := statement(t, db, db.write, 1, n, string(rune('a'+i))); got != want {
			t.Errorf("fence %d after %d changed %d rows, want %d", n, highest, got, want)
		}
	}
	var body string
	if err := db.QueryRowContext(t.Context(), "SELECT body FROM documents WHERE id = 1").Scan(&body); err != nil {
		t.Fatal(err)
	}
	if want := string(rune('a' + len(fences) - 1)); body != want {
		t.Errorf("the row has what write %q wrote, want %q", body, want)
	}
	if got := statement(t, db, db.write, 2, int64(math.MaxInt64), "z"); got != 0 {
		t.Errorf("a row that does not exist: %d rows changed", got)
	}
}

// testReadersAndWriters: a reader f is refused if f < w; a writer if f < w or f < r.
func testReadersAndWriters(t *testing.T, db database) {
	for _, step := range []struct {
		shares bool
		fence  int64
		want   int64
	}{
		{true, 5, 1}, {true, 3, 1}, {false, 4, 0}, {false, 6, 1}, {true, 5, 0},
		{true, 7, 1}, {false, 6, 0}, {true, 6, 1}, {false, 7, 1}, {false, 7, 1}, {true, 6, 0},
	} {
		enter := db.enterWriter
		if step.shares {
			enter = db.enterReader
		}
		if got := statement(t, db, enter, "shared", step.fence); got != step.want {
			t.Errorf("fence %d, shares: %t, changed %d rows, want %d", step.fence, step.shares, got, step.want)
		}
	}
	if w, r := db.number(t, "SELECT writer FROM shared_fences"), db.number(t, "SELECT reader FROM shared_fences"); w != 7 || r != 7 {
		t.Errorf("the row has %d and %d, want 7 and 7", w, r)
	}
	for _, enter := range []string{db.enterWriter, db.enterReader} {
		for _, n := range []any{uint64(1 << 63), 0, int64(math.MinInt64), nil} {
			if _, err := db.ExecContext(t.Context(), enter, "range", n); err == nil {
				t.Errorf("%v was taken for a fence", n)
			}
		}
	}
}

func testARollbackForgets(t *testing.T, db database) {
	statement(t, db, db.enter, "rollback", int64(5))
	tx := db.begin(t)
	statement(t, tx, db.enter, "rollback", int64(6))
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := statement(t, db, db.enter, "rollback", int64(5)); got != 1 {
		t.Errorf("after 6 was rolled back, 5 changed %d rows, want 1", got)
	}
}

// testRange: what is no fence is refused, by driver or table, and changes nothing.
func testRange(t *testing.T, db database) {
	for _, n := range []any{uint64(1 << 63), uint64(math.MaxUint64), 0, int64(math.MinInt64), "seven", nil} {
		if _, err := db.ExecContext(t.Context(), db.enter, "range", n); err == nil {
			t.Errorf("%v was taken for a fence", n)
		}
	}
	if got := db.number(t, "SELECT count(*) FROM fences WHERE name = 'range'"); got != 0 {
		t.Errorf("%d rows were left", got)
	}
	statement(t, db, db.enter, "range", uint64(math.MaxInt64))
	if got := db.number(t, "SELECT fence FROM fences WHERE name = 'range'"); got != math.MaxInt64 {
		t.Errorf("the highest fence was stored as %d", got)
	}
	if _, err := db.ExecContext(t.Context(), db.enter, "range", uint64(math.MaxInt64)+1); err == nil {
		t.Error("a fence of 64 bits was taken after one of 63")
	}
}

// testConcurrency: each transaction that is let in reads a count and writes it raised,
// which is right only if one is inside at a time, and no fence is let in after a higher
// one.
func testConcurrency(t *testing.T, db database) {
	statement(t, db, "CREATE TABLE entries (position integer PRIMARY KEY, fence bigint NOT NULL)")
	const workers, steps = 6, 15
	source := rand.New(rand.NewPCG(1, 2))
	var all sync.WaitGroup
	for range workers {
		var order []int64
		for i := range int64(steps) {
			order = append(order, 1+i+source.Int64N(steps))
		}
		all.Go(func() {
			for _, n := range order {
				if err := db.step(t.Context(), n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	rows, err := db.QueryContext(t.Context(), "SELECT fence FROM entries ORDER BY position")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var entered, last, n int64
	for ; rows.Next(); last = n {
		entered++
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n < last {
			t.Errorf("entry %d: fence %d came after %d", entered, n, last)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if got := db.number(t, "SELECT count FROM counter"); got != entered || entered == 0 || entered == workers*steps {
		t.Errorf("counted %d and %d entries of %d; want the same, some of them refused", got, entered, workers*steps)
	}
}

// step is one transaction as the page says, with work that must not be done by two at
// once.
func (db database) step(ctx context.Context, n int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // committed, as a rule
	result, err := tx.ExecContext(ctx, db.enter, "count", n)
	if err != nil {
		return err
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		return err
	}
	var count int64
	if err := tx.QueryRowContext(ctx, "SELECT count FROM counter").Scan(&count); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE counter SET count = $1", count+1); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO entries (position, fence) VALUES ($1, $2)", count+1, n); err != nil {
		return err
	}
	return tx.Commit()
}
