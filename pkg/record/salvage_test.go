package record_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// row is a result record, and line a line of a batch, of row n with an answer.
func row(n int, output string) string {
	r := record.Result{ID: fmt.Sprintf("test/%d/0123456789ab", n), Index: n, Output: output}
	return strings.TrimSuffix(string(record.AppendResult(nil, &r)), "\n")
}

func line(n int, output string) string {
	return fmt.Sprintf(`{"id": "br%d", "custom_id": "test/%d/0123456789ab", "response": {"status_code": 200, "body": {"id": "c", "choices": [{"message": {"content": %q}}]}}, "error": null}`, n, n, output)
}

// salvaged is what came out of a file: "ROW=answer" of each line.
func salvaged(in io.Reader, s record.Salvage) (got []string, d record.Findings, err error) {
	s.Name = "in"
	s.Take = func(l record.Line) error {
		if gjson.GetBytes(l.Text, "custom_id").Exists() {
			v := gjson.ParseBytes(l.Text)
			if !gjson.ValidBytes(l.Text) || !v.Get("response").Exists() {
				return record.Damaged(errors.New("not a JSON object"))
			}
			_, index, _, _ := record.ParseID(v.Get("custom_id").Str)
			got = append(got, fmt.Sprintf("%d=%s", index, v.Get("response.body.choices.0.message.content").Str))
			return nil
		}
		r, err := record.ParseResult(l.Text)
		if err != nil {
			return record.Damaged(err)
		}
		if r.Index == 99 {
			return errors.New("a row of another source")
		}
		got = append(got, fmt.Sprintf("%d=%s", r.Index, r.Output))
		return nil
	}
	d, err = s.Read(in)
	return got, d, err
}

// describe lists what was wrong: "line[id] mended|broken|torn".
func describe(d record.Findings) (list []string) {
	for _, b := range d.Lines {
		what := "broken"
		if b.Mended {
			what = "mended"
		} else if b.Torn {
			what = "torn"
		}
		if b.ID != "" {
			what += " " + b.ID
		}
		list = append(list, fmt.Sprintf("%d %s", b.Number, what))
	}
	return list
}

func TestAReadableLineIsNeverLostBecauseOfABrokenNeighbour(t *testing.T) {
	const bom = "\ufeff"
	html := "<html><head><title>502 Bad Gateway</title></head></html>"
	for _, form := range []struct {
		name string
		of   func(int, string) string
	}{{"records", row}, {"batch lines", line}} {
		r := form.of
		id := func(n int) string { return fmt.Sprintf(" test/%d/0123456789ab", n) }
		cut := func(n int) string { return r(n, "x")[:strings.Index(r(n, "x"), "0123456789ab")+20] } // behind the id
		early := func(n int) string { return r(n, "x")[:strings.Index(r(n, "x"), "6789ab")] }        // within the id
		broken := func(n int) string { return strings.Replace(r(n, `a§b`), "§", "\n", 1) }
		for _, c := range []struct {
			name, in string
			want     []string
			wrong    []string
		}{
			{"nothing wrong", r(0, "a") + "\n" + r(1, "b") + "\n", []string{"0=a", "1=b"}, nil},
			{"line ends of Windows", r(0, "a") + "\r\n\r\n" + r(1, "b") + "\r\n", []string{"0=a", "1=b"}, nil},
			{"no newline at the end", r(0, "a") + "\n" + r(1, "b"), []string{"0=a", "1=b"}, nil},
			{"a cut line", r(0, "a") + "\n" + cut(1) + "\n" + r(2, "c") + "\n", []string{"0=a", "2=c"}, []string{"2 broken" + id(1)}},
			{"a line cut within its id", r(0, "a") + "\n" + early(1) + "\n" + r(2, "c") + "\n", []string{"0=a", "2=c"}, []string{"2 broken"}},
			{"a first line that is cut", cut(0) + "\n" + r(1, "b") + "\n", []string{"1=b"}, []string{"1 broken" + id(0)}},
			{"a torn last line", r(0, "a") + "\n" + cut(1), []string{"0=a"}, []string{"2 torn" + id(1)}},
			{"a last line that is whole but of another kind", r(0, "a") + "\n" + `{"a":1} {"b":2}`, []string{"0=a"}, []string{"2 broken"}},
			{"a torn last line that was written on", cut(0) + r(1, "b") + "\n" + r(2, "c") + "\n", []string{"1=b", "2=c"}, []string{"1 broken" + id(0)}},
			{"a line torn within its id that was written on", early(0) + r(1, "b") + "\n", []string{"1=b"}, []string{"1 broken"}},
			{"a missing newline", r(0, "a") + r(1, "b") + "\n" + r(2, "c") + "\n", []string{"0=a", "1=b", "2=c"}, []string{"1 mended"}},
			{"a page between", r(0, "a") + "\n" + html + "\n" + r(1, "b") + "\n", []string{"0=a", "1=b"}, []string{"2 broken"}},
			{"a page in front", html + "\n" + r(1, "b") + "\n", []string{"1=b"}, []string{"1 broken"}},
			{"a page of several lines", strings.ReplaceAll(html, "><", ">\n<") + "\n" + r(1, "b") + "\n", []string{"1=b"}, []string{"1 broken", "2 broken", "3 broken", "4 broken", "5 broken"}},
			{"a byte order mark", bom + r(0, "a") + "\n" + r(1, "b") + "\n", []string{"0=a", "1=b"}, []string{"1 mended"}},
			{"a byte order mark within", r(0, "a") + "\n" + bom + r(1, "b") + "\n", []string{"0=a", "1=b"}, []string{"2 mended"}},
			{"a byte order mark and a cut line", bom + cut(0) + "\n" + r(1, "b") + "\n", []string{"1=b"}, []string{"1 broken" + id(0)}},
			{"a raw line break", r(0, "a") + "\n" + broken(1) + "\n" + r(2, "c") + "\n", []string{"0=a", "1=a\nb", "2=c"}, []string{"2 mended"}},
			{"a raw line break of Windows", strings.Replace(broken(1), "\n", "\r\n", 1) + "\r\n" + r(2, "c") + "\r\n", []string{"1=a\nb", "2=c"}, []string{"1 mended"}},
			{"raw line breaks", strings.Replace(broken(1), "\n", "\n\nx\n", 1) + "\n", []string{"1=a\n\nx\nb"}, []string{"1 mended"}},
			{"a raw line break in front of a brace", strings.Replace(r(1, "x§{y"), "§", "\n", 1) + "\n" + r(2, "c") + "\n", []string{"1=x\n{y", "2=c"}, []string{"1 mended"}},
			{"a raw line break and a cut", strings.ReplaceAll(broken(1), "\nb", "\n"+strings.Repeat("b", 40))[:len(broken(1))] + "\n" + r(2, "c") + "\n", []string{"2=c"}, []string{"1 broken" + id(1), "2 broken"}},
			{"a raw tab", strings.Replace(r(0, "a§b"), "§", "\t", 1) + "\n" + r(1, "b") + "\n", []string{"0=a\tb", "1=b"}, []string{"1 mended"}},
			{"a record spread out", strings.ReplaceAll(r(0, "a"), ",", ",\n  ") + "\n" + r(1, "b") + "\n", []string{"0=a", "1=b"}, []string{"1 mended"}},
			{"a list", "[\n" + r(0, "a") + ",\n" + r(1, "b") + "\n]\n", []string{"0=a", "1=b"}, []string{"2 mended"}},
			{"bytes of nothing", r(0, "a") + "\n\x00\x00\x00" + r(1, "b") + "\n", []string{"0=a", "1=b"}, []string{"2 torn"}},
			{"bytes of nothing at the end", r(0, "a") + "\n\x00\x00\x00\x00", []string{"0=a"}, []string{"2 torn"}},
			{"bytes of nothing behind a whole line", r(0, "a") + "\x00\x00", []string{"0=a"}, []string{"1 torn"}},
			{"bytes of nothing behind half a line", r(0, "a") + "\n" + cut(1) + "\x00\x00", []string{"0=a"}, []string{"2 torn" + id(1)}},
			{"a line of bytes of nothing", r(0, "a") + "\n\x00\x00\n" + r(1, "b") + "\n", []string{"0=a", "1=b"}, []string{"2 torn"}},
			{"bytes of nothing from line to line", r(0, "a") + "\n" + cut(1) + "\x00\x00\x00" + r(2, "c")[20:] + "\n" + r(3, "d") + "\n", []string{"0=a", "3=d"}, []string{"2 torn" + id(1)}},
			{"bytes of nothing in an answer", r(0, "a") + "\n" + strings.Replace(r(1, "b§b"), "§", "\x00\x00", 1) + "\n" + r(2, "c") + "\n", []string{"0=a", "2=c"}, []string{"2 torn" + id(1)}},
			{"bytes of nothing at the beginning", "\x00\x00" + r(0, "a") + "\n", []string{"0=a"}, []string{"1 torn"}},
			{"bytes of nothing around every line", "\x00" + r(0, "a") + "\x00\n\x00" + r(1, "b") + "\x00", []string{"0=a", "1=b"}, []string{"1 torn", "2 torn"}},
			{"no id", r(0, "a") + "\n" + `{"id":"br1","response":{"status_code":200,"body":{}},"error":null}` + "\n" + r(2, "c") + "\n", []string{"0=a", "2=c"}, []string{"2 broken"}},
			{"another object", r(0, "a") + "\n{}\n[]\n7\n" + r(2, "c") + "\n", []string{"0=a", "2=c"}, []string{"2 broken", "3 broken", "4 broken"}},
			{"an answer that holds records", r(0, r(5, `{"id":"x","custom_id":"y"}`)) + "\n", []string{"0=" + r(5, `{"id":"x","custom_id":"y"}`)}, nil},
			{"a cut answer that holds records", r(0, r(5, "x"))[:len(r(0, r(5, "x")))-9] + "\n" + r(1, "b") + "\n", []string{"1=b"}, []string{"1 broken" + id(0)}},
		} {
			t.Run(form.name+"/"+c.name, func(t *testing.T) {
				got, d, err := salvaged(strings.NewReader(c.in), record.Salvage{})
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Error(d)
				}
				if d := cmp.Diff(c.wrong, describe(d)); d != "" {
					t.Error(d)
				}
				torn := 0
				for _, b := range d.Lines {
					if b.Torn {
						torn++
					}
				}
				if n := d.Broken + d.Mended + torn; n != len(d.Lines) || (torn > 0) != (d.Torn > 0) {
					t.Errorf("%d lines were wrong, %d counted", len(d.Lines), n)
				}
			})
		}
	}
}

func TestALineOfAFileIsFoundWhereItStands(t *testing.T) {
	in := "\ufeff" + row(0, "a") + "\r\n\n" + "<html>\n" + row(1, "b") + "\n" + row(2, "c") + row(3, "d") + "\n" +
		"\x00\x00" + row(4, "e") + "\x00\n\x00\n" + row(5, "f") + "\x00"
	var lines []int
	s := record.Salvage{Name: "in", Take: func(l record.Line) error {
		if _, err := record.ParseResult(l.Text); err != nil {
			return record.Damaged(err)
		}
		lines = append(lines, l.Number)
		if at := in[l.At:]; !l.Mended && !strings.HasPrefix(at, string(l.Text)) {
			t.Errorf("line %d is %s, not at %d", l.Number, l.Text, l.At)
		}
		return nil
	}}
	if _, err := s.Read(strings.NewReader(in)); err != nil || !slices.Equal(lines, []int{1, 4, 5, 5, 6, 8}) {
		t.Errorf("lines %v, %v", lines, err)
	}
}

func TestAFileOfSomethingElseIsRefused(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"no record at all", "one\ntwo\n", "in:1: not a JSON object"},
		{"an array", `[{"context":"a"},{"context":"b"}]` + "\n", "in:1: not a JSON object"},
		{"an array over lines", "[\n{\"context\":\"a\"},\n{\"context\":\"b\"}\n]\n", "in:1: not a JSON object"},
		{"prompts", `{"kind":"prompt","v":1,"id":"a","prompt":"x"}` + "\n", "in:1: a prompt record where a result record should be"},
		{"a prompt among results", row(0, "a") + "\n" + `{"kind":"prompt","v":1,"id":"a","prompt":"x"}` + "\n", "in:2: a prompt record where a result record should be"},
		{"another version", row(0, "a") + "\n" + `{"kind":"result","v":2,"id":"a","output":"x"}` + "\n", "in:2: format version 2"},
		{"what belongs to something else", row(0, "a") + "\n<html>\n" + row(99, "a") + "\n", "in:3: a row of another source"},
		{"what belongs to something else, on a damaged line", row(0, "a") + row(99, "a") + "\n", "in:1: a row of another source"},
		{"UTF-16", "\xff\xfe{\x00}\x00\n\x00", "in: the file is UTF-16"},
	} {
		_, _, err := salvaged(strings.NewReader(c.in), record.Salvage{Hint: "look"})
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.Hint(err) == "" {
			t.Errorf("%s: %v (%s)", c.name, err, fault.Hint(err))
		}
	}
	got, d, err := salvaged(strings.NewReader("one\ntwo\n"), record.Salvage{Nothing: true})
	if err != nil || got != nil || d.Broken != 2 {
		t.Errorf("%v, %+v, %v", got, d, err)
	}
}

func TestStrictRefusesEveryDamageButATornLastLine(t *testing.T) {
	strict := record.Salvage{Strict: true, Hint: "look"}
	got, d, err := salvaged(strings.NewReader(row(0, "a")+"\n"+row(1, "b")[:30]), strict)
	if err != nil || !slices.Equal(got, []string{"0=a"}) || d.Torn != 2 || d.Broken != 0 {
		t.Errorf("torn: %v, %+v, %v", got, d, err)
	}
	for _, hole := range []string{"\x00\x00", "\x00\x00\n", row(1, "b")[:30] + "\x00\x00\n", row(1, "b")[:30] + "\x00\x00" + row(2, "c")[60:] + "\n"} {
		got, d, err := salvaged(strings.NewReader(row(0, "a")+"\n"+hole+row(3, "d")+"\n"), strict)
		if err != nil || !slices.Equal(got, []string{"0=a", "3=d"}) || d.Torn != 2 || d.Broken != 0 {
			t.Errorf("%q: %v, %+v, %v", hole, got, d, err)
		}
	}
	for _, in := range []string{
		row(0, "a") + "\n\ufeff" + row(1, "b") + "\n", row(0, "a") + row(1, "b") + "\n", row(0, "a") + "\n<html>\n", strings.Replace(row(0, "a§b"), "§", "\n", 1) + "\n",
	} {
		if _, _, err := salvaged(strings.NewReader(in), strict); err == nil || fault.Hint(err) == "" {
			t.Errorf("%s passes: %v", in, err)
		}
	}
}

func TestCompressedFilesAreReadAsFarAsTheyGo(t *testing.T) {
	var all []string
	var plain, packed bytes.Buffer
	for i := range 2000 {
		answer := fmt.Sprint(i*7919%2000, "of", i*104729%997)
		all = append(all, fmt.Sprintf("%d=%s", 100+i, answer))
		plain.WriteString(row(100+i, answer) + "\n")
	}
	z := gzip.NewWriter(&packed)
	z.Write(plain.Bytes())
	z.Close()
	got, d, err := salvaged(bytes.NewReader(packed.Bytes()), record.Salvage{})
	if err != nil || !slices.Equal(got, all) || len(d.Lines) > 0 {
		t.Errorf("whole: %d rows, %+v, %v", len(got), d, err)
	}
	got, d, err = salvaged(bytes.NewReader(packed.Bytes()[:packed.Len()/2]), record.Salvage{})
	if err != nil || len(got) < 500 || !slices.Equal(got, all[:len(got)]) || d.Broken != 1 || !strings.Contains(d.Lines[len(d.Lines)-1].Err.Error(), "compressed data") {
		t.Errorf("cut off: %d rows, %+v, %v", len(got), d, err)
	}
	if _, _, err = salvaged(bytes.NewReader(packed.Bytes()[:5]), record.Salvage{}); err == nil {
		t.Error("the beginning of a compressed file passes")
	}
}

func TestALineThatIsTooLongIsBrokenAndTheOthersAreRead(t *testing.T) {
	in := io.MultiReader(strings.NewReader(row(0, "a")+"\n"), io.LimitReader(zeros{}, record.MaxLine+1<<20), strings.NewReader("\n"+row(1, "b")+"\n"))
	got, d, err := salvaged(in, record.Salvage{})
	if err != nil || !slices.Equal(got, []string{"0=a", "1=b"}) || !slices.Equal(describe(d), []string{"2 broken"}) {
		t.Errorf("%v, %v, %v", got, describe(d), err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestAReadErrorIsNoEnd(t *testing.T) {
	disk := errors.New("disk")
	for _, begin := range []string{"", row(0, "a") + "\n", row(0, "a") + "\n" + row(1, "b")[:40] + "\n"} {
		if _, _, err := salvaged(io.MultiReader(strings.NewReader(begin), &failing{disk}), record.Salvage{}); !errors.Is(err, disk) {
			t.Errorf("%q: %v", begin, err)
		}
	}
}

// failing returns its error once, and then the end.
type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) {
	err := f.err
	f.err = io.EOF
	return 0, err
}

func FuzzSalvage(f *testing.F) {
	f.Add([]byte(row(0, "a")+"\n"), []byte("<html>\n"), []byte(`{"id":"br1","custom_id":"x`))
	f.Add([]byte("{\"id\":\"\n\n{\"kind\":"), []byte("\xef\xbb\xbf["), []byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, before, within, after []byte) {
		// Whatever stands on other lines, a whole line is read.
		in := bytes.Join([][]byte{before, []byte(row(7, "a")), within, []byte(line(8, "b")), after}, []byte("\n"))
		got, d, err := salvaged(bytes.NewReader(in), record.Salvage{Nothing: true})
		if err != nil {
			t.Skip() // of another kind, or UTF-16
		}
		if bytes.HasPrefix(before, []byte("\x1f\x8b")) {
			t.Skip()
		}
		if !slices.Contains(got, "7=a") || !slices.Contains(got, "8=b") {
			t.Errorf("%q became %q, %v", in, got, describe(d))
		}
	})
}
