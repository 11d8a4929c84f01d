package batch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"nertools/pkg/price"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// The events that change the state of a part, in their usual order. A queued part returns
// to creating later. The attempt number changes only if the user wants to pay for the part
// again: without that, the same part started from any folder means the same batch.
const (
	planned  = "planned"  // its file exists; nothing was sent
	intent   = "intent"   // it will be sent
	uploaded = "uploaded" // its file is at the service, and no call to create its batch is open
	creating = "creating" // the call to create its batch is open
	created  = "created"  // its batch exists
	queued   = "queued"   // its batch was refused because the queue is full; its file stays
	finished = "ended"    // its batch has ended
	fetched  = "fetched"  // its results are saved
	dropped  = "dropped"  // it can't be started; its file is no longer at the service
)

// The events that change no state.
const (
	tried    = "tried"    // a request of the part was sent at once, before the part's file was written
	double   = "double"   // a batch that asks the same rows was given up for another
	reported = "reported" // a sync has reported the batch's status, or another run's batch with the same rows
	watched  = "watched"  // finished jobs have to be handled from here on; concerns the whole ledger
	spent    = "spent"    // what the batch has cost is known
	over     = "over"     // the rows that expired are not submitted again
	handled  = "handled"  // the job has finished, and that was handled
)

// An Entry is a part in the ledger and its progress.
type Entry struct {
	Part
	Attempt int           // from 1
	State   string        // the last event that changed it
	Account string        // [Config.Account] of the run that started it
	Rounds  int           // how often rows may be submitted; 0 in old ledgers and in further rounds
	Limit   *CostLimit    // of what the command's parts may cost; nil if it has no limit
	Bound   price.Amount  // the most that the part can cost, if there is a limit
	Spent   *price.Amount // what its batch cost, once that is known
	Over    bool          // no further round is to come
	Run     string        // marks the batches that calls of this ledger created; "" in old ledgers
	Begun   time.Time     // when the attempt began
	Called  time.Time     // when a call was made whose batch has not been seen; otherwise zero
	Since   time.Time     // of the last event that changed the state
	FileID  string
	BatchID string
	Made    time.Time // creation of the batch, by the service's clock
	Doubles []string  // ids of batches with the same rows that were given up; they may contain answers
	Former  []string  // ids of the batches of earlier attempts
	Status  string    // of the batch, once it has ended
	Results string    // the file with the results, once they are saved
	Reason  string    // why the last event happened, if something failed

	Unanswered int       // rows without a complete answer, once the results are saved
	Missing    int       // of these, the rows without an error
	Refusals   int       // how often the queue was full, in a row
	Refused    time.Time // the last time
	Ended      time.Time // when a batch of the part was last seen to have ended

	Reported string   // the status that was reported last; "" if none was
	Rivals   []string // ids of other runs' batches with the same rows that were reported
	Due      bool     // it has finished, and that still has to be handled
}

// batches returns the ids of the batches whose answers may be in the part's results, those of
// earlier attempts included.
func (entry *Entry) batches() []string {
	ids := slices.Concat(entry.Former, entry.Doubles)
	if entry.BatchID != "" {
		ids = append(ids, entry.BatchID)
	}
	return ids
}

// pending reports whether the entry was started and its results are not saved.
func (entry *Entry) pending() bool {
	return entry.State != planned && entry.State != fetched && entry.State != dropped
}

// Waiting reports whether the entry's batch still has to be created.
func (entry *Entry) Waiting() bool {
	switch entry.State {
	case intent, uploaded, creating, queued:
		return true
	}
	return false
}

// running reports whether the entry was started and its batch has not ended.
func (entry *Entry) running() bool { return entry.pending() && entry.State != finished }

// Started reports whether this manager created the entry's batch, rather than finding it.
func (m *Manager) Started(entry *Entry) bool { return m.begun[entry.Key] }

// Record returns the entry as a job record, with the last known state of its batch.
func (m *Manager) Record(entry *Entry) record.Job {
	r := record.Job{
		BatchID: entry.BatchID, Key: entry.Key, File: entry.File, Part: entry.Number, Parts: entry.Of, Source: entry.Source, Total: entry.Total,
		First: entry.First, Last: entry.Last, Round: entry.Round, Status: "waiting", Requests: entry.Requests,
	}
	switch entry.State {
	case dropped:
		r.Status, r.Errors = wire.BatchFailed, []record.Problem{{Message: entry.Reason}}
	case queued:
		r.Errors = []record.Problem{{Message: entry.Reason}}
	}
	if b, ok := m.latest[entry.BatchID]; ok {
		fill(&r, &b)
	} else if entry.Status != "" {
		r.Status = entry.Status
	} else if entry.State == created {
		r.Status = "validating"
	}
	return r
}

func fill(r *record.Job, b *wire.Batch) {
	r.Status, r.Completed, r.Failed, r.Created, r.Expires = b.Status, b.Completed, b.Failed, b.Created, b.Expires
	if r.Requests == 0 {
		r.Requests = b.Total
	}
	r.Errors = append(r.Errors, b.Problems...)
}

// Describe returns a job record for each batch. Batches of other tools have no key.
func Describe(batches []wire.Batch) []record.Job {
	var jobs []record.Job
	for i := range batches {
		meta := batches[i].Metadata
		number := func(key string) int {
			n, _ := strconv.Atoi(meta[key]) // 0 if another tool wrote something else there
			return n
		}
		job := record.Job{
			BatchID: batches[i].ID, Key: meta[metaKey], Source: meta[metaSource],
			Total: number(metaTotal), First: number(metaFirst), Last: number(metaLast),
		}
		part, of, _ := strings.Cut(meta[metaPart], "/")
		job.Part, _ = strconv.Atoi(part)
		job.Parts, _ = strconv.Atoi(of)
		if round, _ := rounds(&batches[i]); round > 1 {
			job.Round = round
		}
		fill(&job, &batches[i])
		jobs = append(jobs, job)
	}
	return jobs
}

// The keys in a batch's metadata.
const (
	metaKey      = "ner_key"
	metaSent     = "ner_sent" // digest of the file, if it is not the key
	metaAttempt  = "ner_attempt"
	metaRun      = "ner_run" // Entry.Run of the ledger whose call created the batch
	metaSource   = "ner_source"
	metaTotal    = "ner_total"
	metaFirst    = "ner_first"
	metaLast     = "ner_last"
	metaPart     = "ner_part"
	metaRequests = "ner_requests"
	metaJob      = "ner_job"   // key of the part whose rows a further round asks
	metaRound    = "ner_round" // "2/3": the round, and the most that there may be
	metaSettings = "ner_settings"
	metaText     = "description"
)

func (m *Manager) metadata(entry *Entry) map[string]string {
	meta := map[string]string{
		metaKey: entry.Key, metaAttempt: strconv.Itoa(entry.Attempt),
		metaFirst: strconv.Itoa(entry.First), metaLast: strconv.Itoa(entry.Last),
		metaPart: fmt.Sprintf("%d/%d", entry.Number, entry.Of),
	}
	for key, value := range map[string]string{metaSent: entry.Sent, metaJob: entry.Job, metaRound: m.roundOf(entry), metaSource: entry.Source, metaSettings: entry.Settings, metaRun: entry.Run, metaText: m.cfg.Description} {
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

// keyed reports whether key is one of the batch's part: that of its requests as intended, or
// as sent.
func keyed(b *wire.Batch, key string) bool {
	return key != "" && (key == b.Metadata[metaKey] || key == b.Metadata[metaSent])
}

// attemptOf returns the attempt that created the batch, 0 for batches of other tools.
func attemptOf(b *wire.Batch) int {
	n, _ := strconv.Atoi(b.Metadata[metaAttempt])
	return n
}
