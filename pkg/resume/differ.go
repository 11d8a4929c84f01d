package resume

import (
	"fmt"
	"slices"
	"strings"

	"nertools/pkg/english"
	"nertools/pkg/record"
)

// A DifferError says that rows were asked before, but not as they would be now. Nothing was
// asked again.
type DifferError struct {
	Rows      int // that have earlier answers, or wait for them, to something else
	Sentences int // of these, rows that now have another sentence or label
	Prompts   int // of the others, rows that now have another prompt
	Settings  int // of the others, rows that now have another model or other settings
	Places    []RowsIn
	Digests   []string // of the earlier settings, where known
	Models    []string // of the earlier requests, where known
	Line      []byte   // the input line of the first such row
	Reworded  []byte   // the input line of the first row that now has another prompt

	started bool   // a request was compared
	prompt  uint64 // hash of the digest of that row's earlier prompt, 0 if it is not known
}

// Asked reports whether the row of Reworded was asked before with this prompt.
func (d *DifferError) Asked(prompt string) bool {
	return d.prompt != 0 && d.prompt == promptOf(record.NewID("", 0, []byte(prompt)))
}

// RowsIn says how many rows have their earlier answers in one place.
type RowsIn struct {
	Name    string // of a file or a batch
	Rows    int
	Pending bool // the batch's answers are still to come
}

// first reports whether no request was compared yet, the first time that it is called.
func (d *DifferError) first() bool {
	first := !d.started
	d.started = true
	return first
}

func (d *DifferError) count(a *Answers, p Place, sentence, prompt, settings bool) {
	d.Rows++
	if sentence {
		d.Sentences++
		prompt, settings = false, false
	}
	if prompt {
		if d.Prompts == 0 {
			d.prompt = p.prompt
		}
		d.Prompts++
	}
	if settings {
		d.Settings++
	}
	at := a.origins[p.origin]
	i := slices.IndexFunc(d.Places, func(f RowsIn) bool { return f.Name == at.name })
	if i < 0 {
		i, d.Places = len(d.Places), append(d.Places, RowsIn{Name: at.name, Pending: at.pending})
	}
	d.Places[i].Rows++
	if p.settings < 0 {
		return
	}
	s := a.settings[p.settings]
	if !slices.Contains(d.Digests, s.digest) {
		d.Digests = append(d.Digests, s.digest)
	}
	if s.model != "" && !slices.Contains(d.Models, s.model) {
		d.Models = append(d.Models, s.model)
	}
}

// Error says how many rows, what differs, and where their answers are.
func (d *DifferError) Error() string {
	var what []string
	if d.Sentences > 0 {
		what = append(what, "for another sentence or label")
	}
	if d.Prompts > 0 {
		what = append(what, "with another prompt")
	}
	if d.Settings > 0 {
		words := "from another model or with other settings"
		if len(d.Models) == 1 {
			words += " (" + d.Models[0] + ")"
		}
		what = append(what, words)
	}
	var places []string
	for _, p := range d.Places {
		words := fmt.Sprintf("%d in %s", p.Rows, p.Name)
		if p.Pending {
			words += ", to be fetched"
		}
		places = append(places, words)
	}
	were := "were"
	if d.Rows == 1 {
		were = "was"
	}
	return fmt.Sprintf("%s %s asked before %s: %s", english.Count(d.Rows, "row"), were, strings.Join(what, ", and "), strings.Join(places, "; "))
}
