package reasoning_test

import (
	"fmt"

	"nertools/pkg/reasoning"
)

func ExampleSplit() {
	const sentence = "Ana Souza flew to Lima ."
	thought, answer := reasoning.Split("<think>Is @@Lima## a person? No.</think>\n@@Ana Souza## flew to Lima .", sentence)
	fmt.Println(answer)
	fmt.Println(thought)

	_, answer = reasoning.Split("I typed @@<think>## and left .", "I typed <think> and left .")
	fmt.Println(answer)
	// Output:
	// @@Ana Souza## flew to Lima .
	// <think>Is @@Lima## a person? No.</think>
	// I typed @@<think>## and left .
}
