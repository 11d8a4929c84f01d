package embedding_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"nertools/pkg/mrc"
	"nertools/pkg/openaitest"
	"nertools/pkg/pace"
	"nertools/pkg/retry"
)

// cutting is an Asker that cuts a file short before the first call.
type cutting struct {
	retry.Asker
	cut func() error
}

func (c *cutting) Ask(ctx context.Context, path string, body []byte, read func([]byte) error) (pace.Limits, error) {
	if err := c.cut(); err != nil {
		return pace.Limits{}, err
	}
	return c.Asker.Ask(ctx, path, body, read)
}

func TestAFileOfTextsCutShortUnderTheCallsDoesNoHarm(t *testing.T) {
	var rows []map[string]any
	for _, text := range numbered(1300) {
		rows = append(rows, map[string]any{"context": text, "entity_label": "PER", "start_position": []int{}, "end_position": []int{}, "qas_id": "0.1"})
	}
	data, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mrc-ner.test")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := mrc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	api, c := cached(t, openaitest.Options{})
	c.InFlight = 1 // so that later calls are put together after the first
	c.Asker = &cutting{c.Asker, sync.OnceValue(func() error { return os.Truncate(path, 0) })}
	texts := make([]string, f.Len())
	for i := range texts {
		var row mrc.Row
		if err := f.Decode(i, &row); err != nil {
			t.Error(err)
		}
		texts[i] = row.Context
	}
	if _, asked := get(t, c, texts); asked != len(texts) {
		t.Errorf("%d texts asked for, want %d", asked, len(texts))
	}
	paidOnce(t, api, len(texts))
}
