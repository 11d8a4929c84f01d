package record_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"nertools/pkg/record"
)

func ExampleAppendPrompt() {
	text := "Which words name a person? Ada met Bob ."
	line := record.AppendPrompt(nil, &record.Prompt{
		ID: record.NewID("test", 7, []byte(text)), Index: 7, Total: 148,
		Label: "PER", Context: "Ada met Bob .", Text: text, Examples: []int{3, 12},
	})
	os.Stdout.Write(line)
	// Output: {"kind":"prompt","v":1,"id":"test/7/60a09527dffe","index":7,"total":148,"label":"PER","context":"Ada met Bob .","prompt":"Which words name a person? Ada met Bob .","examples":[3,12]}
}

// A writer that was killed leaves an incomplete line at the end of its file.
func ExampleLines() {
	const file = `{"kind":"result","v":1,"id":"test/0/6dcd4ce23d88","index":0,"output":"@@Ada## met Bob ."}` + "\n" + `{"kind":"res`
	lines := record.NewLines("results.jsonl", strings.NewReader(file))
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		r, err := record.ParseResult(line)
		if err != nil {
			fmt.Println(lines.Fault(err, "ask the row again"))
			continue
		}
		fmt.Println(r.Index, r.Output)
	}
	// Output:
	// 0 @@Ada## met Bob .
	// results.jsonl:2: not a JSON object
}
