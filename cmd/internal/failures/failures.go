// Package failures contains the flag that accepts further finish reasons, and reports
// failed rows: one line per kind of failure, with the number of rows, the service's message
// and the remedy.
package failures

import (
	"fmt"
	"strings"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/record"
)

// advice is the remedy for a class of failure.
type advice struct {
	own       string // for a command that asks
	elsewhere string // for one that does not, where that differs
	alone     bool   // the advice says it all: the message is the same for all rows
}

// again is for failures that may not recur; rest is for rows without a message.
var (
	again = advice{own: "ask the rest with --resume FILE", elsewhere: "ask the rest with ner-run --resume FILE"}
	rest  = advice{again.own, again.elsewhere, true}
)

// byClass holds the advice for each class that has one. FILE stands for the
// results of the command.
var byClass = map[record.Class]advice{
	record.Auth:          {own: "check OPENAI_API_KEY, and that this key may use this model"},
	record.Model:         {own: "choose another --model, or another --endpoint for it", elsewhere: "choose another ner-run --model"},
	record.Quota:         {own: "add credit to the account, then " + again.own, elsewhere: "add credit to the account, then " + again.elsewhere},
	record.RateLimit:     again,
	record.Server:        again,
	record.Network:       again,
	record.Timeout:       again,
	record.Malformed:     again,
	record.ContextLength: {own: "show fewer demonstrations (ner-prompt --example-num), or choose a model that takes longer prompts"},
	record.Length:        {own: "raise --max-tokens", elsewhere: "ask them again with a larger ner-run --max-tokens", alone: true},
	record.Empty:         {own: "raise --max-tokens if the model reasons before it answers", elsewhere: "ask them again, with a larger ner-run --max-tokens if the model reasons before it answers"},
	record.Incomplete:    {own: "if they are complete, accept them with --accept-finish"},
	record.Filtered:      {own: "another model may answer, or other words (ner-prompt --template)"},
	record.Refused:       {own: "another model may answer, or other words (ner-prompt --template)"},
	record.Expired:       rest,
	record.Cancelled:     rest,
	record.Missing:       rest,
}

// Rows counts the rows of a command without an answer.
type Rows struct {
	Failed  *record.Failures
	Missing int
	Told    record.Class // the class whose failure ends the command, and is reported as its error; may be empty
	File    string       // holds the results; "" if that is not known
	Asks    bool         // the command has the flags --resume, --model and --max-tokens
	Later   bool         // ner-batch sync will submit expired rows again
}

// Say prints a line for each kind of failure, the most frequent first, and then one for the
// missing rows.
func (r *Rows) Say(std cmdline.Streams) {
	kinds := r.Failed.Kinds()
	if r.Missing > 0 {
		kinds = append(kinds, record.FailureKind{Failure: record.Failure{Class: record.Missing}, Rows: r.Missing})
	}
	for i := range kinds {
		if k := &kinds[i]; k.Class != r.Told || r.Told == "" {
			std.Say("%s", r.describe(k))
		}
	}
}

func (r *Rows) describe(k *record.FailureKind) string {
	a := byClass[k.Class]
	todo := a.own
	if a.elsewhere != "" && !r.Asks {
		todo = a.elsewhere
	}
	if r.Later && k.Class == record.Expired {
		todo = "ner-batch sync submits them again, with the ledger that is beside the batch file"
	}
	if r.File != "" {
		todo = strings.ReplaceAll(todo, "FILE", r.File)
	}
	var parts []string
	if said := shorten(record.OneLine(k.Message)); said != "" && !a.alone {
		parts = append(parts, said)
	}
	if todo != "" {
		parts = append(parts, todo)
	}
	line := fmt.Sprintf("%s %d", k.Class, k.Rows)
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, "; ")
	}
	return line
}

// maxMessage bounds what is shown of a message, in characters.
const maxMessage = 200

func shorten(s string) string {
	if r := []rune(s); len(r) > maxMessage {
		return string(r[:maxMessage]) + "…"
	}
	return s
}
