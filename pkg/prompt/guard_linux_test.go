package prompt_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
)

func TestAFileCutShortUnderTheJobGivesAnErrorAndNoCrash(t *testing.T) {
	for _, cut := range []string{"rows", "train", "neighbours"} {
		t.Run(cut, func(t *testing.T) {
			copies := map[string]string{}
			for name, from := range map[string]string{"rows": mrc.Path(news, "test"), "train": mrc.Path(news, "train"), "neighbours": news + "/test.knn.jsonl"} {
				data, err := os.ReadFile(from)
				if err != nil {
					t.Fatal(err)
				}
				copies[name] = writeFile(t, name, string(data))
			}
			job := prompt.Plan{Source: "made", Examples: 16, Rows: openRows(t, copies["rows"]), Train: openRows(t, copies["train"])}
			job.Neighbours = openNeighbours(t, copies["neighbours"], job.Total(), job.Train.Len())
			fill(t, &job)
			if err := os.Truncate(copies[cut], 0); err != nil {
				t.Fatal(err)
			}
			_, err := job.Write(t.Context(), new(bytes.Buffer))
			if err == nil || !strings.Contains(err.Error(), copies[cut]) || !strings.HasSuffix(err.Error(), "the file changed while it was being read") {
				t.Errorf("got %v", err)
			}
			if fault.Hint(err) == "" {
				t.Error("no remedy")
			}
		})
	}
}
