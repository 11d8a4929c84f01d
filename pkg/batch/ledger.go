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
	jobs    []*Entry // in the order of their intents
}

// The events of a part, in this order. A part whose batch the service had no room
// for is queued, and created again later. The attempt changes only when somebody
// wants to pay for the part again: whoever asks it without that, from whichever
// folder, means the same batch.
const (
	planned  = "planned"  // its file is made; nothing is begun
	intent   = "intent"   // it will be sent
	uploaded = "uploaded" // its file is at the service
	creating = "creating" // the call that makes its batch is on its way
	created  = "created"  // its batch exists
	double   = "double"   // a batch that asks the same was given up for another; changes no state
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
	Run     string    `json:"run,omitempty"`
	Part    *Part     `json:"part,omitempty"`
	FileID  string    `json:"file_id,omitempty"`
	BatchID string    `json:"batch_id,omitempty"`
	Own     bool      `json:"own,omitempty"` // a call of this ledger made the batch
	Made    time.Time `json:"made,omitzero"` // when the batch was, by the service's clock
	Status  string    `json:"status,omitempty"`
	Results string    `json:"results,omitempty"`
	Reason  string    `json:"reason,omitempty"`

	Unanswered int `json:"unanswered,omitempty"`
}

// A Entry is a part and how far it has come.
type Entry struct {
	Part
	Attempt int
	State   string // the last event
	Account string // who began it, see [Ledger]
	Run     string // marks the batches that this ledger's calls made; "" in old ledgers
	Begun   time.Time
	Called  time.Time // when a batch was asked for that has not been seen since; zero if there is none
	Since   time.Time // of the last event
	FileID  string
	BatchID string
	Made    time.Time // the batch was, by the service's clock
	Doubles []string  // ids of batches that ask the same and were given up; they may hold answers
	Status  string    // of the batch, when it has ended
	Results string    // where the results are, when they are here
	Reason  string

	Unanswered int       // rows that have no good answer in the results, when they are here
	Refusals   int       // for want of room, since the attempt began
	Refused    time.Time // when the last of them was
	Ended      time.Time // when a batch of the part was last found ended
}

// Pending reports whether there is something left to be done with the job.
func (j *Entry) Pending() bool {
	return j.State != planned && j.State != fetched && j.State != dropped
}

// Dropped reports whether the job's part was given up, as the service does not
// take it. Its rows were not asked.
func (j *Entry) Dropped() bool { return j.State == dropped }

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
func (l *Ledger) Jobs() []*Entry { return l.jobs }

// Entry returns the job of the part with the given key, or nil.
func (l *Ledger) Job(key string) *Entry {
	i := slices.IndexFunc(l.jobs, func(j *Entry) bool { return j.Key == key })
	if i < 0 {
		return nil
	}
	return l.jobs[i]
}

func (l *Ledger) replay() error {
	lines := record.NewLines(l.path, io.NewSectionReader(l.journal, 0, l.journal.Size()))
	for line, err := range lines.All() {
		if err != nil {
			return err
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil || e.Version != 1 || e.Key == "" {
			return lines.Fault(errors.New("not a line of a ledger"), "a ledger is written by ner-batch alone: name the right file with --ledger")
		}
		l.apply(&e)
	}
	return nil
}

func (l *Ledger) apply(e *event) {
	j := l.Job(e.Key)
	if j == nil {
		j = &Entry{}
		l.jobs = append(l.jobs, j)
	}
	switch e.Event {
	case planned:
		*j = Entry{Part: *e.Part}
	case intent:
		next := Entry{Part: *e.Part, Attempt: e.Attempt, Account: e.Account, Run: e.Run, Begun: e.Time, Ended: j.Ended}
		if e.Attempt == j.Attempt {
			next.Doubles = j.Doubles // what they hold was paid for
		}
		if j.State == queued { // older versions made another attempt of it, on the same file
			next.FileID = j.FileID
		}
		*j = next
	case uploaded:
		j.FileID = e.FileID
	case creating:
		j.Called = e.Time
	case created:
		if e.Own {
			j.Called = time.Time{}
		}
		j.BatchID, j.FileID, j.Made = e.BatchID, cmp.Or(e.FileID, j.FileID), e.Made
		if j.Made.IsZero() {
			j.Made = e.Time
		}
	case double:
		if !slices.Contains(j.Doubles, e.BatchID) {
			j.Doubles = append(j.Doubles, e.BatchID)
		}
		if e.Own {
			j.Called = time.Time{}
		}
		return
	case queued:
		j.BatchID, j.Refused = "", e.Time
		j.Refusals++
	case finished:
		j.Status, j.Ended, j.Refusals = e.Status, e.Time, 0
	case fetched:
		j.Results, j.Unanswered = e.Results, e.Unanswered
	case dropped:
		j.BatchID, j.FileID = "", ""
	}
	j.State, j.Since = e.Event, e.Time
	if e.Event != fetched {
		j.Reason = e.Reason
	}
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
