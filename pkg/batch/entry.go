package batch

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// The events of a part, in this order. A part whose batch the service had no room
// for is queued, and created again later. The attempt changes only when somebody
// wants to pay for the part again: whoever asks it without that, from whichever
// folder, means the same batch.
const (
	planned  = "planned"  // its file is made; nothing is begun
	intent   = "intent"   // it will be sent
	uploaded = "uploaded" // its file is at the service, and no call that may have made its batch is open
	creating = "creating" // the call that makes its batch is on its way
	created  = "created"  // its batch exists
	double   = "double"   // a batch that asks the same was given up for another; changes no state
	queued   = "queued"   // its batch was refused because the queue is full; its file stays
	finished = "ended"    // its batch has ended
	fetched  = "fetched"  // its results are here
	dropped  = "dropped"  // it can't be started; nothing of it is at the service
)

// The events that change no state.
const (
	reported = "reported" // a sync has reported the status of its batch, or somebody else's batch that asks the same
	watched  = "watched"  // from here on, of the whole ledger, somebody wants to hear of each job that finishes
	handled  = "handled"  // whoever wanted to hear that the job has finished has heard it
)

// An Entry is a part and how far it has come.
type Entry struct {
	Part
	Attempt int
	State   string // the last event
	Account string // who began it, as [Config] says
	Run     string // marks the batches that this ledger's calls made; "" in old ledgers
	Begun   time.Time
	Called  time.Time // when a batch was asked for that has not been seen since; zero if absent
	Since   time.Time // of the last event
	FileID  string
	BatchID string
	Made    time.Time // the batch was, by the service's clock
	Doubles []string  // ids of batches that ask the same and were given up; they may hold answers
	Status  string    // of the batch, when it has ended
	Results string    // where the results are, when they are here
	Reason  string

	Unanswered int       // rows that have no good answer in the results, when they are here
	Missing    int       // of these, the rows of which nothing is known
	Refusals   int       // for want of room, since the attempt began
	Refused    time.Time // when the last of them was
	Ended      time.Time // when a batch of the part was last found ended

	Reported string   // the status that was reported last; "" if none was
	Rivals   []string // ids of batches of others that ask the same, and that were reported
	Due      bool     // it has finished since the ledger is watched, and that was not handled
}

// pending reports whether there is something left to be done with the entry.
func (entry *Entry) pending() bool {
	return entry.State != planned && entry.State != fetched && entry.State != dropped
}

// Waiting reports whether the entry's batch is still to be created.
func (entry *Entry) Waiting() bool {
	switch entry.State {
	case intent, uploaded, creating, queued:
		return true
	}
	return false
}

// running reports whether the entry's batch is still to end.
func (entry *Entry) running() bool { return entry.pending() && entry.State != finished }

// Started reports whether this manager made the entry's batch, rather than finding
// that it exists.
func (m *Manager) Started(entry *Entry) bool { return m.begun[entry.Key] }

// Record shows the entry as a record, with what is known of its batch.
func (m *Manager) Record(entry *Entry) record.Job {
	r := record.Job{
		BatchID: entry.BatchID, Key: entry.Key, File: entry.File, Part: entry.Number, Parts: entry.Of, Source: entry.Source, Total: entry.Total,
		First: entry.First, Last: entry.Last, Status: "waiting", Requests: entry.Requests,
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

// Describe shows batches, be they ours or not, as job records.
func Describe(batches []wire.Batch) []record.Job {
	var jobs []record.Job
	for i := range batches {
		meta := batches[i].Metadata
		number := func(key string) int {
			n, _ := strconv.Atoi(meta[key]) // 0 for what others wrote there
			return n
		}
		job := record.Job{
			BatchID: batches[i].ID, Key: meta[metaKey], Source: meta[metaSource],
			Total: number(metaTotal), First: number(metaFirst), Last: number(metaLast),
		}
		part, of, _ := strings.Cut(meta[metaPart], "/")
		job.Part, _ = strconv.Atoi(part)
		job.Parts, _ = strconv.Atoi(of)
		fill(&job, &batches[i])
		jobs = append(jobs, job)
	}
	return jobs
}

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
