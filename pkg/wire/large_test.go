package wire_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

func TestLargeAnswerIsReadAsASmallOne(t *testing.T) {
	space, big := strings.Repeat(" ", 100<<10), strings.Repeat("x", 100<<10)
	answer := record.Result{Output: "a,}\"]", Model: "m", FinishReason: "stop", Usage: record.Usage{Prompt: 7, Completion: 3}}
	const choice, rest = `{"index":0,"message":{"content":"a,}\"]"},"finish_reason":"stop"}`, `"model":"m","usage":{"prompt_tokens":7,"completion_tokens":3}`
	for name, c := range map[string]struct {
		body string
		want record.Result
	}{
		"space":            {`{"choices":[` + space + choice + `],` + rest + `}`, answer},
		"a member":         {`{"more":"` + big + `","choices":[` + choice + `],` + rest + `}`, answer},
		"log probs":        {`{"choices":[{"logprobs":{"content":["` + big + `"]},` + choice[1:] + `],` + rest + `}`, answer},
		"log probs behind": {`{"choices":[` + choice[:len(choice)-1] + `,"logprobs":{"content":["` + big + `"]}}],` + rest + `}`, answer},
		"another choice":   {`{"choices":[` + choice + `,{"message":{"content":"` + big + `"}}],` + rest + `}`, answer},
		"a long answer":    {`{"choices":[{"message":{"content":"` + big + `"}}]}`, record.Result{Output: big}},
		"no choices":       {`{"choices":[],"more":"` + big + `"}`, record.Result{Failure: &record.Failure{Class: record.Empty, Status: 200, Message: "no choices in the answer"}}},
	} {
		var r record.Result
		if err := new(wire.Judge).ParseAnswer([]byte(c.body), &r); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(c.want, r); d != "" {
			t.Errorf("%s: %.300s", name, d)
		}
	}
	for body, want := range map[string]string{
		`{"choices":[` + choice + `],"error":{"message":"busy","code":503},"more":"` + big + `"}`: "busy",
		`{"detail":"no such model: ` + big + `"}`:                                                 "no such model",
		`{"detail":"Not Found","more":"` + big + `"}`:                                             "Not Found",
		`["no such model: ` + big + `"]`:                                                          "no such model",
		`["` + strings.Repeat("x", 2<<20) + `"]`:                                                  "the answer is empty",
		`{"choices":[{"message":{"content":"` + strings.Repeat("x", 9<<20) + `"}}]}`:              "more than any model writes",
		`{"choices":[{"message":{"content":"` + strings.Repeat("x", 30<<20) + `"}}]}`:             "more than any model writes",
	} {
		e := asError(new(wire.Judge).ParseAnswer([]byte(body), new(record.Result)))
		if e == nil || !strings.Contains(e.Message, want) {
			t.Errorf("%.60s: got %.200v, want %s", body, e, want)
		}
	}
}

func TestSmallResultDoesNotHoldOnToALargeAnswer(t *testing.T) {
	const answers, size = 16, 8 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := make([]record.Result, answers)
	for i := range kept {
		body := []byte(`{"choices":[` + strings.Repeat(" ", size) + `{"message":{"content":"a"},"finish_reason":"stop"}],"model":"m"}`)
		if err := new(wire.Judge).ParseAnswer(body, &kept[i]); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > size {
		t.Errorf("%d small results keep %d bytes", answers, grown)
	}
	runtime.KeepAlive(kept)
}
