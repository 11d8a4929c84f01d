package wire_test

import (
	"strconv"
	"strings"
	"testing"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A longer limit helps an answer that was cut off, but not one that repeats itself.
func TestAnAnswerThatRepeatsItselfUntilItIsCutOffIsRemarked(t *testing.T) {
	for text, want := range map[string]bool{
		`{"entities": ["Lima", ` + strings.Repeat(`"Oslo", `, 20) + `"Os`:                      true,
		"@@Ana##" + strings.Repeat("@@river", 40):                                              true,
		strings.Repeat("Ana Souza flew to Lima with Bob Li and came back on Monday .\n", 6):    true,
		strings.Repeat("Ana Souza flew to Lima with Bob Li and came back on Monday .\n", 4):    false,
		strings.Repeat("Oslo ", 12):                                                            false, // too short to be sure
		"Oslo beat Oslo in Oslo , and the Oslo of the north met the Oslo of the south in Oslo": false,
		"": false,
	} {
		var remarks []wire.Remark
		j := &wire.Judge{Remark: func(r wire.Remark) { remarks = append(remarks, r) }}
		var r record.Result
		err := j.ParseAnswer([]byte(chat(`{"content":`+strconv.Quote(text)+`}`, `"length"`)), &r)
		if err != nil || r.OK() || r.Failure.Class != record.Length || r.Partial != text {
			t.Errorf("%q: got %+v, %v", text, r, err)
		}
		if got := len(remarks) == 1 && remarks[0].Kind == wire.Repetition; got != want || len(remarks) > 1 {
			t.Errorf("%q: got remarks %v", text, remarks)
		}
		remarks = nil
		if err := j.ParseAnswer([]byte(chat(`{"content":`+strconv.Quote(text+"x")+`}`, `"stop"`)), new(record.Result)); err != nil || len(remarks) > 0 {
			t.Errorf("%q as a complete answer: got remarks %v, %v", text, remarks, err)
		}
	}
}
