package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"nertools/pkg/markup"
)

// alignment is a text and what an answer about it names, in the order of the text: every
// fifth entity is changed and does not occur.
type alignment struct {
	Text     string   `json:"text"`
	Entities []string `json:"entities"`
}

// align prints how long it takes to find the entities of the file in its text, in
// milliseconds, from a list and from an answer that repeats the text. It is the shortest
// of five times, since other programs can only make them longer.
func align(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var a alignment
	if err := json.Unmarshal(data, &a); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	list, err := json.Marshal(a.Entities)
	if err != nil {
		return fmt.Errorf("make an answer: %w", err)
	}
	for _, answer := range []struct{ name, text string }{{"list", string(list)}, {"markup", a.marked()}} {
		var times []time.Duration
		var found markup.Alignment
		for range 5 {
			var al markup.Aligner
			var o markup.Original
			begin := time.Now()
			o.Reset(a.Text)
			found = al.Align(&o, answer.text, markup.Question{})
			times = append(times, time.Since(begin))
		}
		fmt.Printf("{\"name\":%q,\"ms\":%.3f,\"found\":%d}\n", answer.name, slices.Min(times).Seconds()*1e3, len(found.Found))
	}
	return nil
}

// marked returns the text with the entities marked where they were before every fifth
// was changed.
func (a alignment) marked() string {
	tokens := strings.Fields(a.Text)
	var b strings.Builder
	for i := 0; i < len(tokens); i++ {
		if i > 0 {
			b.WriteByte(' ')
		}
		if n := i / 10; i%10 == 0 && n < len(a.Entities) {
			b.WriteString("@@" + a.Entities[n] + "##")
			i++ // an entity has two words
			continue
		}
		b.WriteString(tokens[i])
	}
	return b.String()
}
