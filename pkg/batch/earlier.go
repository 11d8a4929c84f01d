package batch

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// Earlier is what was asked before, as far as a ledger and files of results say it: rows that
// new parts must not ask again.
type Earlier struct {
	entries []*Entry
	groups  []group
}

// group is a part, or the rows of a source in a file of results.
type group struct {
	resume.Sent
	file string // of results; "" for a part
}

// ReadEarlier reads the ledger at path, which may be missing, and the files of results that
// it names, without locking anything. Files that can't be read count as if the ledger's
// batches had answered all their rows. output is a file that results will replace, which
// also counts as far as it has answers; it may be missing or "". judge decides which answers
// are good.
func ReadEarlier(path, output string, judge *wire.Judge) (*Earlier, error) {
	e := &Earlier{}
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		l := &ledger{}
		for line, err := range record.NewLines(path, f).All() {
			event := parseEvent(line)
			if err != nil || event == nil {
				break // who opens the ledger will report it
			}
			l.apply(event)
		}
		e.entries = slices.DeleteFunc(l.entries, func(entry *Entry) bool { return !entry.asked() })
	} else if !os.IsNotExist(err) {
		return nil, err
	}
	found := map[string]bool{} // batches some of whose results are in one of the files
	for _, entry := range e.entries {
		if entry.Results == "" {
			continue
		}
		i := slices.IndexFunc(e.groups, func(g group) bool { return g.file == entry.Results && g.Source == entry.Source })
		if i < 0 {
			i = len(e.groups)
			e.groups = append(e.groups, saved(entry.Results, entry.Source, judge, found))
			e.groups[i].First, e.groups[i].Model, e.groups[i].Total = entry.First, entry.Model, entry.Total
		}
		g := &e.groups[i]
		g.First, g.Last = min(g.First, entry.First), max(g.Last, entry.Last)
	}
	if output != "" && !e.knows(output) {
		e.groups = append(e.groups, unknown(output, judge)...)
	}
	for _, entry := range e.entries {
		name := fmt.Sprintf("part %d of %s", entry.Number, path)
		if entry.BatchID != "" {
			name = entry.BatchID + " (" + path + ")"
		}
		e.groups = append(e.groups, group{Sent: resume.Sent{
			Name: name, Pending: entry.State != fetched, Source: entry.Source, Total: entry.Total, First: entry.First, Last: entry.Last,
			Settings: entry.Settings, Model: entry.Model,
			// The files of results come first.
			Rows: func(yield func(row int, id, request string)) bool {
				return slices.ContainsFunc(e.batches(entry), func(id string) bool { return found[id] }) || entry.rows(yield)
			},
		}})
	}
	return e, nil
}

// batches returns the ids of the batches of the entry's job, all rounds included. Results of one
// of them show that those of the job are saved.
func (e *Earlier) batches(entry *Entry) (ids []string) {
	job := cmp.Or(entry.Job, entry.Key)
	for _, other := range e.entries {
		if cmp.Or(other.Job, other.Key) == job && other.Attempt == entry.Attempt {
			ids = append(append(ids, other.Doubles...), other.BatchID)
		}
	}
	return ids
}

// asked reports whether the part was started, and has not failed as a whole.
func (entry *Entry) asked() bool {
	switch entry.State {
	case "", planned, dropped:
		return false
	}
	return entry.Status != wire.BatchFailed
}

// rows passes the rows of the part to yield. It returns false if its file is not there.
func (entry *Entry) rows(yield func(row int, id, request string)) bool {
	if digest, err := digestOf(entry.File); digest != entry.digest() || err != nil {
		return false
	}
	f, err := os.Open(entry.File)
	if err != nil {
		return false
	}
	defer f.Close()
	for line, err := range record.NewLines(entry.File, f).All() {
		if err != nil {
			return false
		}
		id := wire.CustomID(line)
		_, row, digest, _ := record.ParseID(id)
		request := "" // the settings and the digest in the id say it, if both are known
		if (entry.Settings == "" || digest == "") && len(entry.Amended) == 0 {
			if q, err := wire.ParseRequestLine(line); err == nil {
				request = q.Row.Request
			}
		}
		if row >= 0 {
			yield(row, id, request)
		}
	}
	return true
}

// saved returns the group of the rows of a source in a file that the ledger knows. The file
// is read when its rows are asked for, which adds the batches of its results to found.
func saved(path, source string, judge *wire.Judge, found map[string]bool) group {
	return group{file: path, Sent: resume.Sent{Name: path, Source: source, Rows: func(yield func(row int, id, request string)) bool {
		eachResult(path, judge, func(r *record.Result, of string, row int) {
			if r.BatchID != "" {
				found[r.BatchID] = true
			}
			if r.OK() && of == source {
				yield(row, r.ID, r.Request)
			}
		})
		return true
	}}}
}

// unknown returns a group for each source whose good answers are in the file at path.
func unknown(path string, judge *wire.Judge) (groups []group) {
	type answer struct {
		row         int
		id, request string
	}
	answers := map[string][]answer{} // by source
	eachResult(path, judge, func(r *record.Result, source string, row int) {
		if !r.OK() {
			return
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.Source == source })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{file: path, Sent: resume.Sent{Name: path, Source: source, Total: r.Total, First: row, Rows: func(yield func(row int, id, request string)) bool {
				for _, a := range answers[source] {
					yield(a.row, a.id, a.request)
				}
				return true
			}}})
		}
		answers[source] = append(answers[source], answer{row, r.ID, r.Request})
		groups[i].First, groups[i].Last = min(groups[i].First, row), max(groups[i].Last, row)
	})
	return groups
}

// eachResult passes the results in the file at path to each, with the sources and the numbers of
// their rows. It passes nothing if the file can't be read.
func eachResult(path string, judge *wire.Judge, each func(r *record.Result, source string, row int)) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	s := record.Salvage{Name: path, Take: func(line record.Line) error {
		r, err := judge.ParseResult(line.Text)
		if err != nil {
			return record.Damaged(err)
		}
		if source, row, _, _ := record.ParseID(r.ID); row >= 0 {
			each(&r, source, row)
		}
		return nil
	}}
	_, _ = s.Read(f) // what it has else is no answer
}

// Batches returns what resume has to know of the rows.
func (e *Earlier) Batches() []resume.Sent {
	var batches []resume.Sent
	for i := range e.groups {
		batches = append(batches, e.groups[i].Sent)
	}
	return batches
}

// knows reports whether the ledger knows the file at path as one of results.
func (e *Earlier) knows(path string) bool {
	return slices.ContainsFunc(e.entries, func(entry *Entry) bool { return entry.Results != "" && durable.SameFile(entry.Results, path) })
}

// Foreign returns the source of good answers in the file at path that are not of the source
// of parts, "" if it holds no such answers. Results will replace the file.
func (e *Earlier) Foreign(path string, parts []Part) string {
	for i := range e.groups {
		g := &e.groups[i]
		if g.file == "" || !durable.SameFile(g.file, path) || slices.ContainsFunc(parts, func(p Part) bool { return p.Source == g.Source }) {
			continue
		}
		any := false
		g.Rows(func(int, string, string) { any = true })
		if any {
			return g.Source
		}
	}
	return ""
}

// Started reports whether the part with the given key was started.
func (e *Earlier) Started(key string) bool {
	return slices.ContainsFunc(e.entries, func(entry *Entry) bool { return entry.known(key) })
}

// Check returns an [*AgainError] if a part that the ledger has not started asks rows again
// that were asked before. same is how many requests of the parts were found in each of
// Batches.
func (e *Earlier) Check(parts []Part, same []int) error {
	for i := range parts {
		p := &parts[i]
		if e.Started(p.Key) {
			continue
		}
		for j, n := range same {
			if g := &e.groups[j]; n > 0 && g.Source == p.Source && g.First <= p.Last && p.First <= g.Last {
				return &AgainError{Part: *p, Rows: min(n, p.Requests), Name: g.Name, Results: g.file}
			}
		}
	}
	return nil
}

// An AgainError says that a part asks rows again, with the same prompts and settings as
// another part or run did.
type AgainError struct {
	Part    Part
	Rows    int    // at most as many
	Name    string // of the batch or the file
	Results string // the file with their answers; "" if they are not saved
}

func (e *AgainError) Error() string {
	were := "were"
	if e.Rows == 1 {
		were = "was"
	}
	return fmt.Sprintf("%s of part %d %s asked before with the same prompt and settings: see %s", english.Count(e.Rows, "row"), e.Part.Number, were, e.Name)
}
