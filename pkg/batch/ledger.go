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
	"nertools/pkg/price"
	"nertools/pkg/record"
)

// A ledger is the journal of what was done with the parts of one or more inputs. Each
// event is on the disk before the next step is taken, so a program that was killed knows
// on its next start what may exist at the service.
type ledger struct {
	path    string
	journal *durable.Journal
	now     func() time.Time
	entries []*Entry // in the order of their first events
	watched bool     // finished jobs have to be handled
	trials  []Trial  // what was learned before batch files were written
}

type event struct {
	Version int       `json:"v"`
	Event   string    `json:"event"`
	Time    time.Time `json:"time"`
	Key     string    `json:"key"`
	Attempt int       `json:"attempt"`
	Account string    `json:"account,omitempty"`
	Run     string    `json:"run,omitempty"`
	Part    *Part     `json:"part,omitempty"`
	Trial   *Trial    `json:"trial,omitempty"`
	FileID  string    `json:"file_id,omitempty"`
	BatchID string    `json:"batch_id,omitempty"`
	Own     bool      `json:"own,omitempty"` // a call of this ledger created the batch
	Made    time.Time `json:"made,omitzero"` // creation of the batch, by the service's clock
	Status  string    `json:"status,omitempty"`
	Results string    `json:"results,omitempty"`
	Reason  string    `json:"reason,omitempty"`

	Limit *CostLimit    `json:"limit,omitempty"`
	Bound price.Amount  `json:"bound,omitempty"`
	Spent *price.Amount `json:"spent,omitempty"`

	Rounds     int `json:"rounds,omitempty"`
	Unanswered int `json:"unanswered,omitempty"`
	Missing    int `json:"missing,omitempty"`
}

const ledgerHint = "name the right file: a ledger is begun beside the batch file"

// openLedger opens and locks the ledger at path, and creates it if necessary. The caller
// closes it.
func openLedger(path string) (*ledger, error) {
	journal, _, err := durable.OpenJournal(path, `{"v":1,"event":`, func(line []byte) bool { return parseEvent(line) != nil })
	if errors.Is(err, durable.ErrForeign) {
		err = fault.WithHint(err, ledgerHint)
	}
	if err != nil {
		return nil, err
	}
	l := &ledger{path: path, journal: journal, now: time.Now}
	if err := l.replay(); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	return l, nil
}

func (l *ledger) close() error { return l.journal.Close() }

// entry returns the entry of the part with the given key, or whose file has the given
// digest, or nil. It changes as events are recorded.
func (l *ledger) entry(key string) *Entry {
	if entry := l.keyed(key); entry != nil {
		return entry
	}
	return l.first(func(entry *Entry) bool { return entry.known(key) })
}

func (l *ledger) keyed(key string) *Entry {
	return l.first(func(entry *Entry) bool { return entry.Key == key })
}

func (l *ledger) first(is func(*Entry) bool) *Entry {
	i := slices.IndexFunc(l.entries, is)
	if i < 0 {
		return nil
	}
	return l.entries[i]
}

func (l *ledger) replay() error {
	lines := record.NewLines(l.path, io.NewSectionReader(l.journal, 0, l.journal.Size()))
	for line, err := range lines.All() {
		if err != nil {
			return err
		}
		e := parseEvent(line)
		if e == nil {
			return lines.Fault(errors.New("not a line of a ledger"), ledgerHint)
		}
		l.apply(e)
	}
	return nil
}

// parseEvent parses a line of a ledger. It returns nil if the line is something else.
func parseEvent(line []byte) *event {
	e := &event{}
	if err := json.Unmarshal(line, e); err != nil || e.Version != 1 || e.Key == "" && e.Event != watched {
		return nil
	}
	return e
}

func (l *ledger) apply(e *event) {
	switch e.Event {
	case watched:
		l.watched = true
		return
	case tried:
		if e.Trial != nil {
			l.trials = append(l.trials, *e.Trial)
		}
		return
	}
	entry := l.keyed(e.Key)
	if entry == nil {
		entry = &Entry{}
		l.entries = append(l.entries, entry)
	}
	switch e.Event {
	case planned:
		*entry = Entry{Part: *e.Part}
	case intent:
		next := Entry{Part: *e.Part, Attempt: e.Attempt, Account: e.Account, Run: e.Run, Rounds: e.Rounds, Limit: e.Limit, Bound: e.Bound, Begun: e.Time, Ended: entry.Ended, Former: entry.batches()}
		if e.Attempt == entry.Attempt {
			next.Doubles = entry.Doubles // their answers were paid for
		}
		if entry.State == queued { // older versions counted another attempt, with the same file
			next.FileID = entry.FileID
		}
		*entry = next
	case uploaded:
		entry.FileID, entry.Called = e.FileID, time.Time{}
	case creating:
		entry.Called = e.Time
	case created:
		if e.Own {
			entry.Called = time.Time{}
		}
		entry.BatchID, entry.FileID, entry.Made = e.BatchID, cmp.Or(e.FileID, entry.FileID), e.Made
		if entry.Made.IsZero() {
			entry.Made = e.Time
		}
	case double:
		if !slices.Contains(entry.Doubles, e.BatchID) {
			entry.Doubles = append(entry.Doubles, e.BatchID)
		}
		if e.Own {
			entry.Called = time.Time{}
		}
		return
	case queued:
		entry.BatchID, entry.Refused = "", e.Time
		entry.Refusals++
	case finished:
		entry.Status, entry.Ended, entry.Refusals = e.Status, e.Time, 0
	case fetched:
		entry.Results, entry.Unanswered, entry.Missing = e.Results, e.Unanswered, e.Missing
		entry.Reported, entry.Due = entry.Status, l.watched
	case dropped:
		entry.BatchID, entry.FileID, entry.Due = "", "", l.watched && entry.Job == ""
	case reported:
		if e.BatchID != "" {
			entry.Rivals = append(entry.Rivals, e.BatchID)
		} else {
			entry.Reported, entry.Unanswered = e.Status, e.Unanswered
		}
		return
	case spent:
		entry.Spent = e.Spent
		return
	case over:
		entry.Over = true
		return
	case handled:
		entry.Due = false
		return
	}
	entry.State, entry.Since = e.Event, e.Time
	if e.Event != fetched {
		entry.Reason = e.Reason
	}
}

// record writes the event and applies it. When it returns nil, the event is on the disk.
func (l *ledger) record(e event) error {
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
