package batch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// add records the parts that the ledger does not know yet, for startAll to start, and
// returns the entries of all. A part that was started before is continued. If its batch
// failed or could not be created, it is started again, which costs nothing. With
// Config.Fresh, a part that has ended is started again, too, which costs its price again.
func (m *Manager) add(ctx context.Context, parts []Part) ([]*Entry, error) {
	var last map[string]int
	for i := range parts {
		p := &parts[i]
		entry := m.ledger.entry(p.Key)
		attempt := 1
		if entry != nil && entry.Key != p.Key { // p was read from the file as it was sent
			same := entry.Part
			same.File = p.File
			p = &same
		}
		switch {
		case entry == nil:
		case entry.State == planned:
			p = &entry.Part // the file does not contain the number of rows of the source
		case entry.State == dropped, (entry.State == finished || entry.State == fetched) && entry.Status == wire.BatchFailed:
			attempt = entry.Attempt
			m.cfg.Say(fmt.Sprintf("part %d was refused earlier, and is started again: %s", p.Number, entry.Reason))
		case m.cfg.Fresh && (entry.State == finished || entry.State == fetched):
			attempt = entry.Attempt + 1
		default:
			continue
		}
		if m.cfg.Fresh {
			// It may have been started under a ledger that is lost.
			if last == nil {
				var err error
				if last, err = m.lastAttempts(ctx); err != nil {
					return nil, err
				}
			}
			attempt = max(attempt, last[p.Key]+1, last[p.digest()]+1)
		}
		err := m.ledger.record(event{
			Event: intent, Key: p.Key, Attempt: attempt, Account: m.cfg.Account, Run: strings.ToLower(rand.Text()), Part: p, Rounds: m.cfg.Rounds, Limit: m.limit, Bound: m.bounds[parts[i].Key],
		})
		if err != nil {
			return nil, err
		}
	}
	return m.entries(parts), nil
}

// lastAttempts returns the highest attempt at the service for each part's key.
func (m *Manager) lastAttempts(ctx context.Context) (map[string]int, error) {
	last := map[string]int{}
	err := m.pages(ctx, func(page []wire.Batch) bool {
		for i := range page {
			for _, key := range []string{metaKey, metaSent} {
				key := page[i].Metadata[key]
				last[key] = max(last[key], attemptOf(&page[i]))
			}
		}
		return true
	})
	return last, err
}

// startAll creates the batches of the waiting entries, as far as the service's queue and
// Config.InFlight allow. If a part's batch exists already, the entry takes it over. Parts
// that the service will never accept are given up, see takeGivenUp.
func (m *Manager) startAll(ctx context.Context, entries []*Entry) error {
	defer m.sayFull()
	running := 0
	for _, entry := range m.ledger.entries {
		if entry.State == created {
			running++
		}
	}
	var made []*Entry
	var err error
	for _, entry := range entries {
		if !entry.Waiting() || m.cfg.InFlight > 0 && running >= m.cfg.InFlight || !m.room(entry) {
			continue
		}
		if err = m.start(ctx, entry); err != nil {
			break
		}
		if entry.State == created {
			running++
			if m.begun[entry.Key] {
				made = append(made, entry)
			}
		}
	}
	return errors.Join(err, m.confirm(ctx, made))
}

// start finds or creates the batch of one entry.
func (m *Manager) start(ctx context.Context, entry *Entry) error {
	if err := m.sameAccount(entry); err != nil {
		return err
	}
	found, err := m.find(ctx, entry)
	if err != nil {
		return fmt.Errorf("look for part %d: %w", entry.Number, err)
	}
	if left := m.lookFor(entry); !found && left > 0 && entry.State == creating {
		m.cfg.Say(fmt.Sprintf("part %d: the last run ended while it created the batch: looking for it for %v more", entry.Number, left.Round(time.Second)))
		if found, err = m.await(ctx, entry, left); err != nil {
			return fmt.Errorf("look for part %d: %w", entry.Number, err)
		}
	}
	if found {
		return nil
	}
	for again := false; ; again = true {
		if entry.FileID == "" {
			if err := m.upload(ctx, entry); err != nil {
				return m.refused(ctx, entry, fmt.Errorf("upload %s: %w", entry.File, err))
			}
			// Another run may have created the batch during the upload.
			if found, err := m.find(ctx, entry); err != nil {
				return fmt.Errorf("look for part %d: %w", entry.Number, err)
			} else if found {
				return nil
			}
		}
		err := m.create(ctx, entry)
		if err == nil {
			return nil
		}
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Param == "input_file_id" && !again {
			// The file was deleted, or has expired.
			entry.FileID = ""
			continue
		}
		return m.refused(ctx, entry, fmt.Errorf("start part %d: %w", entry.Number, err))
	}
}

// take assigns b to the entry. own means that a call of this ledger created it.
func (m *Manager) take(entry *Entry, b *wire.Batch, own bool) error {
	m.latest[b.ID] = *b
	return m.ledger.record(event{Event: created, Key: entry.Key, Attempt: entry.Attempt, BatchID: b.ID, Own: own, FileID: b.InputFile, Made: b.Created})
}

// TooLarge is the error for a part that the service will never accept: its file is larger
// than an upload may be, or it has more tokens than the queue of its model can hold.
type TooLarge struct {
	Part Part
	Err  error // of the service
}

func (e *TooLarge) Error() string {
	return fmt.Sprintf("part %d (%s, %s) is too large for the service: %v", e.Part.Number, english.Count(e.Part.Requests, "request"), english.Count(e.Part.Bytes, "byte"), e.Err)
}

// Unwrap returns Err.
func (e *TooLarge) Unwrap() error { return e.Err }

// takeGivenUp joins a [*TooLarge] for each part given up since the last call.
func (m *Manager) takeGivenUp() error {
	err := errors.Join(m.large...)
	m.large = nil
	return err
}

// giveUp gives up a part that the service will never accept.
func (m *Manager) giveUp(ctx context.Context, entry *Entry, why error, reason string) error {
	m.large = append(m.large, &TooLarge{entry.Part, why})
	return m.drop(ctx, entry, reason)
}

// refused handles the error of a part that could not be started. An error of the part itself
// gives it up; an error of the account or the connection does not.
func (m *Manager) refused(ctx context.Context, entry *Entry, err error) error {
	e, ok := errors.AsType[*wire.Error](err)
	_, open := errors.AsType[*unsure](err)
	switch {
	case ok && queueFull(e):
		return m.noRoom(ctx, entry, e.Message, time.Time{})
	case !ok || open || e.Passing():
		return err
	case e.Fatal(m.heard):
		return err
	case tooLarge(e):
		return m.giveUp(ctx, entry, err, e.Error())
	}
	return errors.Join(err, m.drop(ctx, entry, e.Error()))
}

// queueFull reports whether a batch was refused because the queue is full.
func queueFull(e *wire.Error) bool { return e.Code == "token_limit_exceeded" }

// tooLarge reports whether a file was refused because of its size.
func tooLarge(e *wire.Error) bool {
	if e.Class == record.ContextLength {
		return true
	}
	for _, words := range []string{"too large", "too big", "size limit", "maximum size", "exceeds"} {
		if strings.Contains(strings.ToLower(e.Message), words) {
			return true
		}
	}
	return false
}

// ErrOtherAccount is the error for a ledger that was made with another account.
var ErrOtherAccount = errors.New("made under another API key or at another address")

func (m *Manager) sameAccount(entry *Entry) error {
	if entry.Account == m.cfg.Account || slices.Contains(m.cfg.Former, entry.Account) {
		return nil
	}
	return fmt.Errorf("%s was %w", m.ledger.path, ErrOtherAccount)
}

// upload uploads the entry's file, unless it is at the service after an upload whose response
// was lost.
func (m *Manager) upload(ctx context.Context, entry *Entry) error {
	digest, err := digestOf(entry.File)
	if err != nil {
		return err
	}
	if digest != entry.digest() {
		return &fault.Error{File: entry.File, Err: errors.New("is not the file that the ledger speaks of"), Hint: "make it again from the same prompts, or begin another ledger"}
	}
	name := "ner-" + digest + ".jsonl"
	var id string
	err = m.try(ctx, func(ctx context.Context) (err error) {
		if id, err = m.service.FindFile(ctx, name, entry.Bytes); err != nil || id != "" {
			return err
		}
		id, err = m.service.Upload(ctx, name, entry.Bytes, func() (io.ReadCloser, error) { return os.Open(entry.File) })
		return err
	})
	if err != nil {
		return err
	}
	return m.ledger.record(event{Event: uploaded, Key: entry.Key, Attempt: entry.Attempt, FileID: id})
}

// patience is how long to look for a batch that a failed call may have created.
var patience = 30 * time.Second

// lookFor returns how much longer to look for a batch that a failed call for the entry may
// have created.
func (m *Manager) lookFor(entry *Entry) time.Duration {
	if entry.Called.IsZero() {
		return 0
	}
	return min(max(0, patience-m.now().Sub(entry.Called)), patience)
}

// create creates the batch. A call that fails without a refusal by the service may have
// created it nevertheless, and the batch may appear with a delay, so create looks for it
// before it makes another call.
func (m *Manager) create(ctx context.Context, entry *Entry) error {
	for try := 0; ; try++ {
		if err := m.ledger.record(event{Event: creating, Key: entry.Key, Attempt: entry.Attempt}); err != nil {
			return err
		}
		var b wire.Batch
		throttled := func(e *wire.Error) bool { return e.Class == record.RateLimit && !queueFull(e) }
		err := m.tryWhile(ctx, throttled, func(ctx context.Context) (err error) {
			b, err = m.service.CreateBatch(ctx, entry.FileID, entry.Endpoint, m.cfg.Window, m.metadata(entry))
			return err
		})
		if err == nil {
			m.begun[entry.Key] = true
			return m.take(entry, &b, true)
		}
		e, ok := errors.AsType[*wire.Error](err)
		switch {
		case ok && refusal(e): // the next run need not look for a batch
			if e := m.ledger.record(event{Event: uploaded, Key: entry.Key, Attempt: entry.Attempt, FileID: entry.FileID, Reason: e.Error()}); e != nil {
				return errors.Join(err, e)
			}
			return err
		case !ok || !e.Passing():
			return err
		}
		m.cfg.Say(fmt.Sprintf("part %d: %v: the batch may have been created all the same: looking for it for %v", entry.Number, e, patience))
		found, lookErr := m.await(ctx, entry, patience)
		switch {
		case lookErr != nil:
			return &unsure{lookErr}
		case found:
			m.begun[entry.Key] = entry.Called.IsZero() // else another run's batch appeared first
			return nil
		case try >= m.cfg.MaxRetries:
			return err
		}
	}
}

// refusal reports whether e means that the service did not create the batch: status 429, or
// another 4xx that is not temporary.
func refusal(e *wire.Error) bool {
	return e.Status/100 == 4 && !e.Suspect && (!e.Passing() || e.Class == record.RateLimit)
}

// unsure is the error for a part whose batch may exist. The next run continues to look for
// it.
type unsure struct{ err error }

func (e *unsure) Error() string { return e.err.Error() }

func (e *unsure) Unwrap() error { return e.err }

// drop records that a part can't be started, and deletes its file at the service.
func (m *Manager) drop(ctx context.Context, entry *Entry, reason string) error {
	var err error
	if entry.FileID != "" {
		err = m.try(ctx, func(ctx context.Context) error { return m.service.DeleteFile(ctx, entry.FileID) })
	}
	if hasStatus(err, http.StatusNotFound) {
		err = nil
	}
	return errors.Join(err, m.ledger.record(event{Event: dropped, Key: entry.Key, Attempt: entry.Attempt, Reason: reason}))
}
