package wire_test

import (
	"fmt"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// The body of a request for a prompt, and what the service's answer says.
func Example() {
	requests, err := wire.NewBuilder(wire.Settings{Model: "gpt-4o-mini", MaxTokens: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(requests.Path())
	fmt.Printf("%s\n", requests.Append(nil, "Mark every person: Ada met Bob ."))

	var r record.Result
	judge := new(wire.Judge)
	err = judge.ParseAnswer([]byte(`{"model":"gpt-4o-mini","choices":[{"message":{"content":"@@Ada## met"},"finish_reason":"length"}]}`), &r)
	fmt.Println(r.Failure.Class, r.FinishReason, err)
	// Output:
	// chat/completions
	// {"model":"gpt-4o-mini","messages":[{"role":"user","content":"Mark every person: Ada met Bob ."}],"max_tokens":64,"temperature":0}
	// length length <nil>
}
