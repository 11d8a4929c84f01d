package batch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// A Ledger is the journal of what was done with the parts of one input: each
// event is in it before the step that follows is taken, so that a program that
// was killed knows on its next start what may exist at the service.
type Ledger struct {
	path    string
	journal *durable.Journal
	now     func() time.Time
	jobs    []*Job // in the order of their intents
}

// The events of a part, in this order. A part whose batch the service could not
// take in is queued again and begins anew with an attempt of a higher number.
const (
	planned  = "planned"  // its file is made; nothing is begun
	intent   = "intent"   // it will be sent
	uploaded = "uploaded" // its file is at the service
	created  = "created"  // its batch exists
	queued   = "queued"   // its batch was refused because the queue is full; its file stays
	finished = "ended"    // its batch has ended
	fetched  = "fetched"  // its results are here
	dropped  = "dropped"  // it can't be started; nothing of it is at the service
)

type event struct {
	Version int       `json:"v"`
	Event   string    `json:"event"`
	Time    time.Time `json:"time"`
	Key     string    `json:"key"`
	Attempt int       `json:"attempt"`
	Account string    `json:"account,omitempty"`
	Part    *Part     `json:"part,omitempty"`
	FileID  string    `json:"file_id,omitempty"`
	BatchID string    `json:"batch_id,omitempty"`
	Status  string    `json:"status,omitempty"`
	Results string    `json:"results,omitempty"`
	Reason  string    `json:"reason,omitempty"`

	Unanswered int `json:"unanswered,omitempty"`
}

// A Job is a part and how far it has come.
type Job struct {
	Part
	Attempt int
	State   string // the last event
	Account string // who began it, see [Ledger]
	Since   time.Time
	FileID  string
	BatchID string
	Status  string // of the batch, when it has ended
	Results string // where the results are, when they are here
	Reason  string

	Unanswered int // rows that have no good answer in the results, when they are here
}

// Pending reports whether there is something left to be done with the job.
func (j *Job) Pending() bool {
	return j.State != planned && j.State != fetched && j.State != dropped
}

// OpenLedger reads the ledger at path, or begins one. The error wraps
// [durable.ErrLocked] while another process has it open. The caller closes it.
func OpenLedger(path string) (*Ledger, error) {
	journal, _, err := durable.OpenJournal(path, `{"v":1,"event":`, json.Valid)
	if err != nil {
		return nil, err
	}
	l := &Ledger{path: path, journal: journal, now: time.Now}
	if err := l.replay(); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	return l, nil
}

// Close closes the ledger.
func (l *Ledger) Close() error { return l.journal.Close() }

// Jobs are the jobs, in the order of their parts; what they point to changes as
// events are recorded.
func (l *Ledger) Jobs() []*Job { return l.jobs }

// Job returns the job of the part with the given key, or nil.
func (l *Ledger) Job(key string) *Job {
	i := slices.IndexFunc(l.jobs, func(j *Job) bool { return j.Key == key })
	if i < 0 {
		return nil
	}
	return l.jobs[i]
}

func (l *Ledger) replay() error {
	lines := record.NewLines(l.path, io.NewSectionReader(l.journal, 0, l.journal.Size()))
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil || e.Version != 1 || e.Key == "" {
			return lines.Fault(errors.New("not a line of a ledger"), "a ledger is written by ner-batch alone: name the right file with --ledger")
		}
		l.apply(&e)
	}
}

func (l *Ledger) apply(e *event) {
	j := l.Job(e.Key)
	if j == nil {
		j = &Job{}
		l.jobs = append(l.jobs, j)
	}
	switch e.Event {
	case planned:
		*j = Job{Part: *e.Part}
	case intent:
		file := ""
		if j.State == queued {
			file = j.FileID // still there: it need not be sent again
		}
		*j = Job{Part: *e.Part, Attempt: e.Attempt, Account: e.Account, Since: e.Time, FileID: file}
	case uploaded:
		j.FileID = e.FileID
	case created:
		j.BatchID, j.Since, j.FileID = e.BatchID, e.Time, cmp.Or(e.FileID, j.FileID)
	case queued:
		j.BatchID = ""
	case finished:
		j.Status = e.Status
	case fetched:
		j.Results, j.Unanswered = e.Results, e.Unanswered
	case dropped:
		j.FileID = ""
	}
	j.State, j.Reason = e.Event, e.Reason
}

// record writes the event and takes it over. When it returns, the event is on
// the disk.
func (l *Ledger) record(e event) error {
	e.Version, e.Time = 1, l.now().UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	if _, err := l.journal.Append(append(line, '\n')); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	if err := l.journal.Sync(); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	if err := l.journal.Check(); err != nil {
		return fault.WithHint(fmt.Errorf("write ledger: %w", err), "run the same command again: it finds the batches that exist at the service")
	}
	l.apply(&e)
	return nil
}
