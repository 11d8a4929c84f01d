package main

import (
	"bufio"
	"math/rand/v2"
	"strings"
	"time"

	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
)

// damaged is the share of the answers that damage spoils: of real ones about 9 %
// differ from their sentence in its text, and 8 % have something wrong with their
// marks.
const damaged = 0.17

// flaws are what is wrong with real answers, each wherever it can be: the first
// ones spoil marks. Part may cut an entity in two.
var flaws = []struct {
	name  string
	spoil func(answer string) string
}{
	{"glued", func(s string) string { return strings.Replace(s, markup.Close+" ", markup.Close, 1) }},
	{"unclosed", func(s string) string { return strings.Replace(s, markup.Close, "", 1) }},
	{"spaced", func(s string) string { return strings.Replace(s, markup.Open, markup.Open+" ", 1) }},
	{"chatter", func(s string) string { return "Sure, here it is with all mentions wrapped: " + s }},
	{"part", func(s string) string { return s[:strings.LastIndexByte(s[:len(s)/2+1], ' ')] }},
	{"spacing", strings.NewReplacer(" .", ".", " ,", ",").Replace},
	{"recased", strings.ToUpper},
}

// ofMarks is how many of flaws spoil marks.
const ofMarks = 3

// damage gives an answer as a model might have given it, and the name of its
// flaw, "" for none.
func damage(chance *rand.Rand, answer string) (spoilt, flaw string) {
	if chance.Float64() >= damaged {
		return answer, ""
	}
	among := flaws
	if !strings.Contains(answer, markup.Open) {
		among = flaws[ofMarks:]
	}
	f := among[chance.IntN(len(among))]
	return f.spoil(answer), f.name
}

// tally counts answers: all, those that mark something, those with a flaw.
type tally struct{ rows, marked, damaged int }

// writeAnswers writes a result record for each row of the MRC file at source: its
// sentence with its entities marked, damaged by chance.
func writeAnswers(path, source string) (n tally, err error) {
	f, err := mrc.Open(source)
	if err != nil {
		return n, err
	}
	defer f.Close()
	n.rows = f.Len()
	chance := rand.New(rand.NewPCG(1, 4))
	err = writeFile(path, func(w *bufio.Writer) {
		var row mrc.Row
		var line, marked []byte
		for i := range f.Len() {
			f.Decode(i, &row)
			tokens := markup.AppendTokens(nil, row.Context)
			spans, _ := markup.Place(nil, row.Spans, len(tokens))
			marked = markup.AppendMarked(marked[:0], tokens, spans)
			output, flaw := damage(chance, string(marked))
			if len(spans) > 0 {
				n.marked++
			}
			if flaw != "" {
				n.damaged++
			}
			line = record.AppendResult(line[:0], &record.Result{
				ID: record.NewID("test", i, marked), Index: i, Total: f.Len(), Label: row.Label, Context: row.Context,
				Output: output, Model: model, FinishReason: "stop", Attempts: 1, Latency: 400 * time.Millisecond,
				Usage: record.Usage{Prompt: 900, Completion: len(output) / 4},
			})
			_, _ = w.Write(line)
		}
	})
	return n, err
}
