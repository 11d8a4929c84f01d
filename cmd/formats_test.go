package cmd_test

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEveryFormatInTheDocumentIsRead converts the examples of all tables of doc/formats.md
// that have the columns "Flags", "Example" and "Read as". An example is the contents of a
// file, or of a folder: the names and contents of its files in turn.
func TestEveryFormatInTheDocumentIsRead(t *testing.T) {
	code := regexp.MustCompile("`([^`]*)`")
	examples := 0
	var header []string
	for n, line := range readLines(t, filepath.Join("..", "doc", "formats.md")) {
		cells := strings.Split(strings.ReplaceAll(strings.Trim(line, " |"), `\|`, "\x00"), "|")
		if !strings.HasPrefix(line, "|") {
			header = nil
			continue
		}
		if header == nil {
			for _, cell := range cells {
				header = append(header, strings.TrimSpace(cell))
			}
			continue
		}
		if strings.Join(header, "|") != "Format|Flags|Example|Read as" || strings.HasPrefix(cells[0], "---") || len(cells) != len(header) {
			continue
		}
		for i := range cells {
			cells[i] = strings.NewReplacer("\x00", "|", "⏎", "\n", "⇥", "\t").Replace(strings.TrimSpace(cells[i]))
		}
		examples++
		t.Run(strconv.Itoa(n+1), func(t *testing.T) {
			dir := t.TempDir()
			files := code.FindAllStringSubmatch(cells[2], -1)
			name := filepath.Join(dir, "example")
			if len(files) == 1 {
				writeFile(t, name, files[0][1])
			} else {
				for i := 0; i+1 < len(files); i += 2 {
					writeFile(t, filepath.Join(name, files[i][1]), files[i+1][1])
				}
			}
			args := append([]string{"convert", name}, strings.Fields(strings.Trim(cells[1], "`"))...)
			var stderr strings.Builder
			convert := exec.CommandContext(t.Context(), filepath.Join(bin, "ner-prompt"), args...)
			convert.Stderr = &stderr
			out, err := convert.Output()
			if err != nil {
				t.Fatalf("doc/formats.md:%d: %v: %s", n+1, err, stderr.String())
			}
			if got, want := readAs(t, out), strings.ReplaceAll(cells[3], "`", ""); got != want {
				t.Errorf("doc/formats.md:%d: read as %s, want %s", n+1, got, want)
			}
		})
	}
	if examples < 15 {
		t.Errorf("only %d examples", examples)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// readAs returns the sentences of an MRC file with the entities of all their rows, as the
// document writes them; the entities are in the order of their starts, longest first.
func readAs(t *testing.T, file []byte) string {
	t.Helper()
	var rows []struct {
		Context string   `json:"context"`
		Label   string   `json:"entity_label"`
		QasID   string   `json:"qas_id"`
		Starts  []int    `json:"start_position"`
		Ends    []int    `json:"end_position"`
		Spans   [][2]int `json:"spans"`
	}
	if err := json.Unmarshal(file, &rows); err != nil {
		t.Fatal(err)
	}
	type entity struct {
		start, end  int
		label, text string
	}
	var sentences []string
	var entities []entity
	for i, row := range rows {
		words, runes := strings.Fields(row.Context), []rune(row.Context)
		for k, start := range row.Starts {
			end := row.Ends[k] + 1
			entities = append(entities, entity{start, end, row.Label, strings.Join(words[start:end], " ")})
		}
		for _, span := range row.Spans {
			entities = append(entities, entity{span[0], span[1], row.Label, string(runes[span[0]:span[1]])})
		}
		sentence, _, _ := strings.Cut(row.QasID, ".")
		if i+1 < len(rows) && strings.HasPrefix(rows[i+1].QasID, sentence+".") {
			continue
		}
		slices.SortStableFunc(entities, func(a, b entity) int { return cmp.Or(a.start-b.start, b.end-a.end) })
		text := row.Context
		for _, e := range entities {
			text += " " + e.label + " " + e.text
		}
		sentences, entities = append(sentences, text), nil
	}
	return strings.Join(sentences, " · ")
}
