package batch

import (
	"fmt"
	"strconv"

	"nertools/pkg/wire"
)

// The keys of a batch's metadata by which its part is found again.
const (
	metaKey      = "ner_key"
	metaAttempt  = "ner_attempt"
	metaRun      = "ner_run" // whose call made the batch
	metaSource   = "ner_source"
	metaTotal    = "ner_total"
	metaFirst    = "ner_first"
	metaLast     = "ner_last"
	metaPart     = "ner_part"
	metaRequests = "ner_requests"
	metaSettings = "ner_settings"
	metaText     = "description"
)

func (m *Manager) metadata(entry *Entry) map[string]string {
	meta := map[string]string{
		metaKey: entry.Key, metaAttempt: strconv.Itoa(entry.Attempt),
		metaFirst: strconv.Itoa(entry.First), metaLast: strconv.Itoa(entry.Last),
		metaPart: fmt.Sprintf("%d/%d", entry.Number, entry.Of),
	}
	for key, value := range map[string]string{metaSource: entry.Source, metaSettings: entry.Settings, metaRun: entry.Run, metaText: m.cfg.Description} {
		if value != "" {
			meta[key] = value
		}
	}
	for key, n := range map[string]int{metaTotal: entry.Total, metaRequests: entry.Requests} {
		if n > 0 {
			meta[key] = strconv.Itoa(n)
		}
	}
	return meta
}

// attemptOf is the attempt that made the batch, 0 if it is not one of ours.
func attemptOf(b *wire.Batch) int {
	n, _ := strconv.Atoi(b.Metadata[metaAttempt])
	return n
}
