package collect_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"nertools/pkg/collect"
	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// id makes the id of a row of the source "test", the same each time.
func id(row int) string { return record.NewID("test", row, []byte(strconv.Itoa(row))) }

func line(r record.Result) string { return string(record.AppendResult(nil, &r)) }

// good and bad are the lines of result records of a source of 5 rows.
func good(row int, output string) string {
	return line(record.Result{ID: id(row), Index: row, Total: 5, Output: output})
}

func bad(row int, class record.Class, message string) string {
	return line(record.Result{ID: id(row), Index: row, Total: 5, Failure: &record.Failure{Class: class, Message: message}})
}

// answered and refused are the lines of a batch's output and error files.
func answered(id, output string) string {
	return fmt.Sprintf(`{"id":"b","custom_id":%q,"response":{"status_code":200,"body":{"choices":[{"message":{"content":%q},"finish_reason":"stop"}]}},"error":null}`+"\n", id, output)
}

func refused(id, code, message string) string {
	return fmt.Sprintf(`{"id":"b","custom_id":%q,"response":null,"error":{"code":%q,"message":%q}}`+"\n", id, code, message)
}

// collectAll reads inputs named a, b, c and so on.
func collectAll(inputs ...string) (*collect.Results, error) {
	var r collect.Results
	for i, in := range inputs {
		if _, err := r.Read(string(rune('a'+i)), strings.NewReader(in)); err != nil {
			return nil, err
		}
	}
	return &r, nil
}

func text(t *testing.T, r *collect.Results) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wantLaw fails unless the sum adds up and says what the rows say.
func wantLaw(t *testing.T, r *collect.Results) collect.Sum {
	t.Helper()
	s := r.Sum()
	var count collect.Sum
	byClass := map[record.Class]int{}
	for i, row := range r.All() {
		if i != count.Rows {
			t.Fatalf("row %d where row %d should be", i, count.Rows)
		}
		count.Rows++
		if got := strings.HasPrefix(row.Line, "ERROR") || strings.HasPrefix(row.Line, "FRIDAY-ERROR"); got == row.OK() {
			t.Errorf("row %d failed: %v, but its line reads %q", i, row.Failure, row.Line)
		}
		if strings.Contains(row.Line, "\n") {
			t.Errorf("row %d is more than one line: %q", i, row.Line)
		}
		switch {
		case row.OK():
			count.OK++
		case row.Missing():
			count.Missing++
		default:
			byClass[row.Failure.Class]++
		}
	}
	if s.Rows != count.Rows || s.OK != count.OK || s.Missing != count.Missing || !maps.Equal(classes(&s), byClass) {
		t.Errorf("the sum is not that of the rows: %s, not %d ok, %d missing, failed: %v", s, count.OK, count.Missing, byClass)
	}
	if s.Rows != s.OK+s.Failed.Rows()+s.Missing || s.Rows != r.Len() {
		t.Errorf("%d rows of %d, but %d ok + %d failed + %d missing", s.Rows, r.Len(), s.OK, s.Failed.Rows(), s.Missing)
	}
	return s
}

// classes counts the failed rows by class.
func classes(s *collect.Sum) map[record.Class]int {
	m := map[record.Class]int{}
	for _, k := range s.Failed.Kinds() {
		m[k.Class] = k.Rows
	}
	return m
}

func TestRowsComeInOrderOneLineEach(t *testing.T) {
	const none = "ERROR: missing: no answer seen\n"
	for _, c := range []struct {
		name   string
		inputs []string
		want   string
		sum    string
	}{
		{"in order", []string{good(0, "a") + good(1, "b") + good(2, "c") + good(3, "d") + good(4, "e")}, "a\nb\nc\nd\ne\n",
			"5 rows: 5 ok, 0 failed, 0 missing; 5 records read, 0 duplicates"},
		{"out of order, in two files", []string{good(4, "e") + good(0, "a"), good(2, "c") + good(3, "d") + good(1, "b")}, "a\nb\nc\nd\ne\n",
			"5 rows: 5 ok, 0 failed, 0 missing; 5 records read, 0 duplicates"},
		{"missing up to the total", []string{good(1, "b")}, none + "b\n" + none + none + none,
			"5 rows: 1 ok, 0 failed, 4 missing; 1 record read, 0 duplicates"},
		{"line breaks", []string{good(0, "\na\r\nb\u2028c\n") + good(1, "b\n") + good(2, "c") + good(3, " d ") + good(4, "tab\tstays")}, "a b c\nb\nc\n d \ntab\tstays\n",
			"5 rows: 5 ok, 0 failed, 0 missing; 5 records read, 0 duplicates"},
		{"blank answers", []string{good(0, "\n") + good(1, "") + good(2, " \u3000")}, strings.Repeat("ERROR: empty: the answer has no text\n", 3) + none + none,
			"5 rows: 0 ok, 3 failed (empty 3), 2 missing; 3 records read, 0 duplicates"},
		{"answers that read as failures", []string{good(0, "ERROR is a word") + good(1, "FRIDAY-ERROR-ErrorType.unknown") + good(2, "\nERRORS") + good(3, "no ERROR") + good(4, " ERROR")},
			" ERROR is a word\n FRIDAY-ERROR-ErrorType.unknown\n ERRORS\nno ERROR\n ERROR\n",
			"5 rows: 5 ok, 0 failed, 0 missing; 5 records read, 0 duplicates"},
		{"failures", []string{bad(0, record.Timeout, "no answer in 60s") + bad(1, record.Server, "<p>\nbad\ngateway") + bad(2, record.Timeout, "") + bad(3, "of a\nkind: new", "m") + bad(4, record.Length, "x")},
			"ERROR: timeout: no answer in 60s\nERROR: server: <p> bad gateway\nERROR: timeout: no message\nERROR: of_a_kind__new: m\nERROR: length: x\n",
			"5 rows: 0 ok, 5 failed (timeout 2, length 1, of_a_kind__new 1, server 1), 0 missing; 5 records read, 0 duplicates"},
		{"a later success beats a failure", []string{bad(0, record.Timeout, "x") + good(0, "a"), bad(1, record.Timeout, "x"), good(1, "b")}, "a\nb\n" + none + none + none,
			"5 rows: 2 ok, 0 failed, 3 missing; 4 records read, 2 duplicates"},
		{"a later failure does not beat a success", []string{good(0, "a") + bad(0, record.Timeout, "x"), good(1, "b"), bad(1, record.Timeout, "x")}, "a\nb\n" + none + none + none,
			"5 rows: 2 ok, 0 failed, 3 missing; 4 records read, 2 duplicates"},
		{"the later of two of a kind counts", []string{good(0, "a") + bad(1, record.Timeout, "x"), good(0, "A") + bad(1, record.Server, "y")}, "A\nERROR: server: y\n" + none + none + none,
			"5 rows: 1 ok, 1 failed (server 1), 3 missing; 4 records read, 2 duplicates"},
		{"a record that says missing", []string{bad(0, record.Missing, "not in the batch") + good(1, "b")}, "ERROR: missing: not in the batch\nb\n" + none + none + none,
			"5 rows: 1 ok, 0 failed, 4 missing; 2 records read, 0 duplicates"},
		{"batch lines of ours among records", []string{answered(id(4), "e") + refused(id(1), "batch_expired", "too late"), good(0, "a") + answered(id(2), "c\nc")},
			"a\nERROR: expired: too late\nc c\n" + none + "e\n",
			"5 rows: 3 ok, 1 failed (expired 1), 1 missing; 4 records read, 0 duplicates"},
		{"ids of other tools", []string{answered("request-2", "c") + refused("request-0", "batch_cancelled", "stopped")}, "ERROR: cancelled: stopped\n" + none + "c\n",
			"3 rows: 1 ok, 1 failed (cancelled 1), 1 missing; 2 records read, 0 duplicates"},
		{"a last line without a newline", []string{strings.TrimSuffix(good(0, "a"), "\n"), good(1, "b")}, "a\nb\n" + none + none + none,
			"5 rows: 2 ok, 0 failed, 3 missing; 2 records read, 0 duplicates"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := collectAll(c.inputs...)
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, r); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := wantLaw(t, r).String(); got != c.sum {
				t.Errorf("got  %s\nwant %s", got, c.sum)
			}
		})
	}
}

func TestRecordsThatDoNotBelongTogetherAreRefused(t *testing.T) {
	other := func(source string, row, total int, prompt string) string {
		return line(record.Result{ID: record.NewID(source, row, []byte(prompt)), Index: row, Total: total, Output: "x"})
	}
	for _, c := range []struct {
		name   string
		inputs []string
		want   []string // parts of the error; the two places among them
		hint   string
	}{
		{"two sources", []string{good(0, "a"), good(1, "b") + other("train", 2, 5, "2")}, []string{"b:2: ", "train/2/", " in a:1"}, "each source separately"},
		{"ours and another tool's", []string{good(0, "a") + answered("test1", "b")}, []string{"a:2: ", `"test1"`, " in a:1"}, "each source separately"},
		{"two of other tools", []string{answered("request-0", "b") + answered("task-1", "b")}, []string{"a:2: ", `"task-1"`, `"request-0" in a:1`}, "each source separately"},
		{"two totals", []string{good(0, "a"), other("test", 1, 6, "1")}, []string{"b:1: a source of 6 rows, but a:1 says 5"}, ""},
		{"two prompts for one row", []string{good(0, "a") + good(1, "b"), other("test", 1, 5, "another")}, []string{"b:1: row 1: this record answers another prompt than the one in a:2"}, "prompts changed between"},
		{"two prompts, the first failed", []string{bad(1, record.Timeout, "x"), other("test", 1, 5, "another")}, []string{"b:1: row 1: this record answers another prompt than the one in a:1"}, "prompts changed between"},
		{"beyond the total", []string{good(0, "a") + answered(id(5), "f")}, []string{"a:2: row 5 (from 0), but a:1 says that the source has 5 rows"}, "another source"},
		{"beyond a total told later", []string{answered(id(5), "f"), good(0, "a")}, []string{"b:1: a source of 5 rows, but a:1 is of row 5"}, "another source"},
		{"no number in the id", []string{line(record.Result{ID: "request", Output: "x"})}, []string{`a:1: id "request" is not that of row 0`}, "end in the number"},
		{"another number in the id", []string{line(record.Result{ID: id(3), Index: 2, Output: "x"})}, []string{"a:1: id ", " is not that of row 2"}, "end in the number"},
		{"a date in the id", []string{answered("run-20261122", "x")}, []string{`a:1: id "run-20261122": the number at its end is too large for a row number`}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := collectAll(c.inputs...)
			wantFault(t, err, c.hint, c.want...)
		})
	}
}

func wantFault(t *testing.T, err error, hint string, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want %q in it", err, w)
		}
	}
	if got := fault.Hint(err); !strings.Contains(got, hint) {
		t.Errorf("the remedy is %q, want %q in it", got, hint)
	}
}

func TestLinesOfAnotherKindAreRefusedWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"a prompt", `{"kind":"prompt","v":1,"id":"test/1/0123456789ab","prompt":"x"}` + "\n", "a:2: a prompt record where a result record should be"},
		{"an unknown version", strings.Replace(good(1, "b"), `"v":1`, `"v":2`, 1), "a:2: format version 2"},
		{"an unknown version without a newline", strings.TrimSpace(strings.Replace(good(1, "b"), `"v":1`, `"v":2`, 1)), "a:2: format version 2"},
		{"a batch's request", `{"custom_id":"test/1/0123456789ab","method":"POST","body":{}}` + "\n", "a:2: neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := collectAll(good(0, "a") + c.line)
			wantFault(t, err, "every line is to be a result record", c.want)
		})
	}
}

func TestABrokenLineCostsNoOther(t *testing.T) {
	const first, page = "ERROR: missing: no answer seen\n", "<html><body>502 Bad Gateway</body></html>\n"
	const lost = "ERROR: malformed: the line of this row is broken: not a JSON object\n"
	cut := func(line string) string { return line[:len(line)*3/4] + "\n" }
	for _, c := range []struct{ name, input, want, sum string }{
		{"a page among records", good(0, "a") + page + good(2, "c"), "a\n" + first + "c\n" + first + first,
			"5 rows: 2 ok, 0 failed, 3 missing; 2 records read, 0 duplicates; 1 line broken"},
		{"a page in front", page + good(0, "a"), "a\n" + strings.Repeat(first, 4),
			"5 rows: 1 ok, 0 failed, 4 missing; 1 record read, 0 duplicates; 1 line broken"},
		{"a cut record", good(0, "a") + cut(good(1, "b")) + good(2, "c"), "a\n" + lost + "c\n" + first + first,
			"5 rows: 2 ok, 1 failed (malformed 1), 2 missing; 3 records read, 0 duplicates; 1 line broken"},
		{"a cut record that was asked again", good(0, "a") + cut(good(1, "b")) + good(1, "again"), "a\nagain\n" + strings.Repeat(first, 3),
			"5 rows: 2 ok, 0 failed, 3 missing; 2 records read, 0 duplicates; 1 line broken"},
		{"a cut record of a row that failed", bad(0, record.Timeout, "slow") + cut(good(0, "a")), "ERROR: timeout: slow\n" + strings.Repeat(first, 4),
			"5 rows: 0 ok, 1 failed (timeout 1), 4 missing; 1 record read, 0 duplicates; 1 line broken"},
		{"a cut line of a batch", answered("request-0", "a") + cut(answered("request-1", "b")) + answered("request-2", "c"), "a\n" + lost + "c\n",
			"3 rows: 2 ok, 1 failed (malformed 1), 0 missing; 3 records read, 0 duplicates; 1 line broken"},
		{"a torn last line of a batch", answered("request-0", "a") + strings.TrimSpace(cut(answered("request-1", "b"))), "a\n" + lost,
			"2 rows: 1 ok, 1 failed (malformed 1), 0 missing; 2 records read, 0 duplicates; 1 line broken"},
		{"a line of a batch without an id", answered("request-0", "a") + strings.Replace(answered("request-1", "b"), "custom_id", "id", 1), "a\n",
			"1 row: 1 ok, 0 failed, 0 missing; 1 record read, 0 duplicates; 1 line broken"},
		{"a cut line of another source", answered("request-0", "a") + cut(answered("other-7", "b")), "a\n",
			"1 row: 1 ok, 0 failed, 0 missing; 1 record read, 0 duplicates; 1 line broken"},
		{"a cut line of no row", answered("request-0", "a") + cut(answered("request-20261122", "b")), "a\n",
			"1 row: 1 ok, 0 failed, 0 missing; 1 record read, 0 duplicates; 1 line broken"},
		{"a byte order mark", "\ufeff" + good(0, "a"), "a\n" + strings.Repeat(first, 4),
			"5 rows: 1 ok, 0 failed, 4 missing; 1 record read, 0 duplicates"},
		{"a raw line break", strings.Replace(good(0, "a§b"), "§", "\n", 1) + good(1, "b"), "a b\nb\n" + strings.Repeat(first, 3),
			"5 rows: 2 ok, 0 failed, 3 missing; 2 records read, 0 duplicates"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := collectAll(c.input)
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, r); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if s := wantLaw(t, r); s.String() != c.sum {
				t.Errorf("got  %s\nwant %s", s, c.sum)
			}
		})
	}
	// What another file knows of the row counts, whichever comes first.
	for _, inputs := range [][]string{{good(0, "a") + cut(good(1, "b")), good(1, "again")}, {good(1, "again"), good(0, "a") + cut(good(1, "b"))}} {
		r, err := collectAll(inputs...)
		if err != nil {
			t.Fatal(err)
		}
		if s := wantLaw(t, r); s.OK != 2 || s.Failed.Rows() != 0 || s.Broken != 1 {
			t.Errorf("%s", s)
		}
	}
	_, err := collectAll(good(0, "a"), page+page)
	wantFault(t, err, "every line is to be a result record", "b:1: not a JSON object")
}

func TestTornLastLineIsPassedOver(t *testing.T) {
	whole := good(1, "Zürich")
	for cut := 1; cut < len(whole)-1; cut++ {
		var r collect.Results
		damage, err := r.Read("a", strings.NewReader(good(0, "a")+whole[:cut]))
		if err != nil || damage.Torn != 2 || damage.Broken != 0 {
			t.Fatalf("cut at %d: %+v (%v), want line 2 to be torn", cut, damage, err)
		}
		if s := wantLaw(t, &r); s.Records != 1 || s.Missing != 4 {
			t.Fatalf("cut at %d: %s", cut, s)
		}
	}
}

func TestTotal(t *testing.T) {
	var r collect.Results
	if err := r.SetTotal(3, "--total"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read("a", strings.NewReader(answered("request-1", "b"))); err != nil {
		t.Fatal(err)
	}
	if s := wantLaw(t, &r); s.Rows != 3 || s.Missing != 2 || !r.TotalKnown() {
		t.Errorf("with a total of 3: %s", s)
	}
	_, err := r.Read("b", strings.NewReader(answered("request-3", "d")))
	wantFault(t, err, "total", "b:1: row 3 (from 0), but --total says that the source has 3 rows")

	r = collect.Results{}
	if err := r.SetTotal(3, "--total"); err != nil {
		t.Fatal(err)
	}
	_, err = r.Read("a", strings.NewReader(good(0, "a")))
	wantFault(t, err, "", "a:1: a source of 5 rows, but --total says 3")

	r = collect.Results{}
	if _, err := r.Read("a", strings.NewReader(answered("request-1", "b"))); err != nil {
		t.Fatal(err)
	}
	if s := wantLaw(t, &r); s.Rows != 2 || r.TotalKnown() {
		t.Errorf("with no total: %s", s)
	}
}

func TestLayOver(t *testing.T) {
	const none = "ERROR: missing: no answer seen\n"
	old := "first\nERROR: timeout: slow\nFRIDAY-ERROR-ErrorType.unknown\nERROR 500\nERROR: missing: no answer seen\n"
	for _, c := range []struct {
		name, last string
		input      string
		want, sum  string
	}{
		{"nothing new", old, bad(1, record.Timeout, "slow"), old,
			"5 rows: 1 ok, 3 failed (unknown 2, timeout 1), 1 missing; 1 record read, 0 duplicates, 4 lines kept"},
		{"success replaces anything", old, good(0, "FIRST") + good(1, "b") + good(2, "c") + good(3, "d") + good(4, "e"), "FIRST\nb\nc\nd\ne\n",
			"5 rows: 5 ok, 0 failed, 0 missing; 5 records read, 0 duplicates, 0 lines kept"},
		{"failure replaces failures only", old, bad(0, record.Server, "x") + bad(1, record.Server, "x") + bad(2, record.Server, "x") + bad(4, record.Server, "x"),
			"first\nERROR: server: x\nERROR: server: x\nERROR 500\nERROR: server: x\n",
			"5 rows: 1 ok, 4 failed (server 3, unknown 1), 0 missing; 4 records read, 0 duplicates, 2 lines kept"},
		{"a short file", "first\n", bad(1, record.Server, "x") + good(2, "c"), "first\nERROR: server: x\nc\n" + none + none,
			"5 rows: 2 ok, 1 failed (server 1), 2 missing; 2 records read, 0 duplicates, 1 line kept"},
		{"lines stay as they are", "  two  spaces \n\n\tERROR\n", good(4, "e"), "  two  spaces \n\n\tERROR\n" + none + "e\n",
			"5 rows: 4 ok, 0 failed, 1 missing; 1 record read, 0 duplicates, 3 lines kept"},
		{"no records", old, "", old,
			"5 rows: 1 ok, 3 failed (unknown 2, timeout 1), 1 missing; 0 records read, 0 duplicates, 5 lines kept"},
		{"an empty file", "", good(0, "a"), "a\n" + none + none + none + none,
			"5 rows: 1 ok, 0 failed, 4 missing; 1 record read, 0 duplicates, 0 lines kept"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := collectAll(c.input)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.LayOver("old", strings.NewReader(c.last)); err != nil {
				t.Fatal(err)
			}
			if got := text(t, r); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := wantLaw(t, r).String(); got != c.sum {
				t.Errorf("got  %s\nwant %s", got, c.sum)
			}
		})
	}
	r, err := collectAll(good(0, "a"))
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, r.LayOver("old", strings.NewReader("1\n2\n3\n4\n5\n6\n")), "run without it", "old:6: 6 lines, but the source has 5 rows")
}

// A results file that is laid under itself, with nothing new, comes out again.
func TestResultsFileComesBackAsItWas(t *testing.T) {
	r, err := collectAll(good(0, "ERROR, he said") + bad(1, record.Filtered, "a: b") + good(2, "") + good(4, "FRIDAY-ERROR-ErrorType.unknown"))
	if err != nil {
		t.Fatal(err)
	}
	want, sum := text(t, r), wantLaw(t, r)
	var again collect.Results
	if err := again.LayOver("old", strings.NewReader(want)); err != nil {
		t.Fatal(err)
	}
	if got := text(t, &again); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got := wantLaw(t, &again)
	if got.OK != sum.OK || got.Missing != sum.Missing || !maps.Equal(classes(&got), classes(&sum)) {
		t.Errorf("%s became %s", sum, got)
	}
}

// Where each row has one record, neither the order of records nor the files
// that they stand in change a byte.
func TestOrderOfRecordsDoesNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		total := 1 + rng.IntN(40)
		var lines []string
		for row := range total {
			r := record.Result{ID: id(row), Index: row, Total: total, Output: "answer\n" + strconv.Itoa(row)}
			switch rng.IntN(4) {
			case 0:
				r.Output, r.Failure = "", &record.Failure{Class: record.Timeout, Message: strconv.Itoa(row)}
			case 1:
				continue
			case 2:
				lines = append(lines, answered(r.ID, r.Output))
				continue
			}
			lines = append(lines, line(r))
		}
		if len(lines) == 0 {
			continue
		}
		var first string
		for try := range 5 {
			rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
			files := make([]string, 1+rng.IntN(4))
			for _, l := range lines {
				files[rng.IntN(len(files))] += l
			}
			r, err := collectAll(files...)
			if err != nil {
				t.Fatal(err)
			}
			wantLaw(t, r)
			if got := text(t, r); try == 0 {
				first = got
			} else if got != first {
				t.Fatalf("got\n%s\nafter\n%s\nin %q", got, first, files)
			}
		}
	}
}

func TestWriterErrorIsReturned(t *testing.T) {
	r, err := collectAll(good(0, "a"))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := r.WriteText(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if _, err := r.Read("b", io.MultiReader(strings.NewReader("{"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Read([]byte) (int, error)  { return 0, f.err }

func FuzzRead(f *testing.F) {
	f.Add([]byte(good(0, "a\nb")+good(3, "ERROR")+bad(1, record.Timeout, "x")+good(1, "b")), []byte("x\nERROR: server: y\nFRIDAY-ERROR-ErrorType.unknown"))
	f.Add([]byte(answered("request-2", "c")+refused("request-0", "batch_expired", "late")+"\n\n{\"torn"), []byte(""))
	f.Add([]byte(answered("request-9999999", "c")), []byte("a\r\n\r\n"))
	f.Add([]byte(`{"kind":"result","v":1,"id":"x7","index":7,"total":2147483647,"error":{"class":"a: b\n","message":"\u2028"}}`), []byte("ERROR: : \n"))
	f.Fuzz(func(t *testing.T, input, last []byte) {
		var r collect.Results
		if _, err := r.Read("in", bytes.NewReader(input)); err != nil {
			return
		}
		if err := r.LayOver("last", bytes.NewReader(last)); err != nil {
			return
		}
		if s := r.Sum(); s.Rows != s.OK+s.Failed.Rows()+s.Missing {
			t.Fatalf("does not add up: %s", s)
		}
		if r.Len() > 100_000 {
			return // one row can say that there are two billion
		}
		wantLaw(t, &r)
		if got := strings.Count(text(t, &r), "\n"); got != r.Len() {
			t.Fatalf("%d lines for %d rows", got, r.Len())
		}
	})
}
