package batch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// TooLarge is the error of a part that the service will never take: its file is
// larger than an upload may be, or it has more tokens than may wait for its model
// when nothing else does.
type TooLarge struct {
	Part Part
	Err  error // what the service said
}

func (e *TooLarge) Error() string {
	return fmt.Sprintf("part %d (%d requests, %d bytes) is too large for the service: %v", e.Part.Number, e.Part.Requests, e.Part.Bytes, e.Err)
}

// Unwrap returns Err.
func (e *TooLarge) Unwrap() error { return e.Err }

// Add enters the parts into the ledger, those that it does not know yet: from
// then on [Manager.Start] sees to them. A part that was begun before is continued;
// one whose batch failed or could not be created is started again, which costs
// nothing. fresh starts parts again that have ended, which is paid for again; one
// that is still running is continued.
func (m *Manager) Add(ctx context.Context, parts []Part, fresh bool) error {
	var last map[string]int
	for i := range parts {
		p := &parts[i]
		j := m.ledger.Job(p.Key)
		attempt := 1
		switch {
		case j == nil:
		case j.State == planned:
			p = &j.Part // the file alone does not tell how many rows the source has
		case j.State == dropped, (j.State == finished || j.State == fetched) && j.Status == wire.BatchFailed:
			attempt = j.Attempt
			m.cfg.Say(fmt.Sprintf("part %d was refused earlier, and is started again: %s", p.Number, j.Reason))
		case fresh && (j.State == finished || j.State == fetched):
			attempt = j.Attempt + 1
		default:
			continue
		}
		if fresh {
			// It may have been begun under a ledger that is gone.
			if last == nil {
				var err error
				if last, err = m.lastAttempts(ctx); err != nil {
					return err
				}
			}
			attempt = max(attempt, last[p.Key]+1)
		}
		err := m.ledger.record(event{
			Event: intent, Key: p.Key, Attempt: attempt, Account: m.cfg.Account, Run: strings.ToLower(rand.Text()), Part: p,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lastAttempts are the highest attempts that the service knows, by the parts' keys.
func (m *Manager) lastAttempts(ctx context.Context) (map[string]int, error) {
	last := map[string]int{}
	err := m.pages(ctx, func(page []wire.Batch) bool {
		for i := range page {
			key := page[i].Metadata[metaKey]
			last[key] = max(last[key], attemptOf(&page[i]))
		}
		return true
	})
	return last, err
}

// attemptOf is the attempt that made the batch, 0 if it is not one of ours.
func attemptOf(b *wire.Batch) int {
	n, _ := strconv.Atoi(b.Metadata[metaAttempt])
	return n
}

// Started reports whether this manager made the job's batch, rather than finding
// that it exists.
func (m *Manager) Started(j *Entry) bool { return m.begun[j.Key] }

// Waiting reports whether the job's batch is still to be created.
func (j *Entry) Waiting() bool {
	switch j.State {
	case intent, uploaded, creating, queued:
		return true
	}
	return false
}

// Start creates the batches of those jobs that wait for it, as far as the service
// takes them. A batch that exists already is taken over, whoever made it. What
// the service will never take is given up, see [Manager.GivenUp].
func (m *Manager) Start(ctx context.Context, jobs []*Entry) error {
	defer m.sayFull()
	running := 0
	for _, j := range m.ledger.Jobs() {
		if j.State == created {
			running++
		}
	}
	var made []*Entry
	var err error
	for _, j := range jobs {
		if !j.Waiting() || m.cfg.InFlight > 0 && running >= m.cfg.InFlight || !m.room(j) {
			continue
		}
		if err = m.start(ctx, j); err != nil {
			break
		}
		if j.State == created {
			running++
			if m.begun[j.Key] {
				made = append(made, j)
			}
		}
	}
	return errors.Join(err, m.confirm(ctx, made))
}

// GivenUp returns the parts that the service will never take and that were given
// up since the last call: it joins a [*TooLarge] for each.
func (m *Manager) GivenUp() error {
	err := errors.Join(m.large...)
	m.large = nil
	return err
}

// giveUp gives up a part that the service will never take.
func (m *Manager) giveUp(ctx context.Context, j *Entry, why error, reason string) error {
	m.large = append(m.large, &TooLarge{j.Part, why})
	return m.drop(ctx, j, reason)
}

// start brings one job from its intent to its batch.
func (m *Manager) start(ctx context.Context, j *Entry) error {
	if err := m.sameAccount(j); err != nil {
		return err
	}
	found, err := m.find(ctx, j)
	if err != nil {
		return fmt.Errorf("look for part %d: %w", j.Number, err)
	}
	if left := m.lookFor(j); !found && left > 0 && j.State == creating {
		m.cfg.Say(fmt.Sprintf("part %d: the last run ended while it created the batch: looking for it for %v more", j.Number, left.Round(time.Second)))
		if found, err = m.await(ctx, j, left); err != nil {
			return fmt.Errorf("look for part %d: %w", j.Number, err)
		}
	}
	if found {
		return nil
	}
	for again := false; ; again = true {
		if j.FileID == "" {
			if err := m.upload(ctx, j); err != nil {
				return m.refused(ctx, j, fmt.Errorf("upload %s: %w", j.File, err))
			}
			// Another run may have created its batch while that took its time.
			if found, err := m.find(ctx, j); err != nil {
				return fmt.Errorf("look for part %d: %w", j.Number, err)
			} else if found {
				return nil
			}
		}
		err := m.create(ctx, j)
		if err == nil {
			return nil
		}
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Param == "input_file_id" && !again {
			// Somebody has deleted it, or its time is over.
			j.FileID = ""
			continue
		}
		return m.refused(ctx, j, fmt.Errorf("start part %d: %w", j.Number, err))
	}
}

// take makes b the job's batch. own says that a call of this ledger made it.
func (m *Manager) take(j *Entry, b *wire.Batch, own bool) error {
	m.latest[b.ID] = *b
	return m.ledger.record(event{Event: created, Key: j.Key, Attempt: j.Attempt, BatchID: b.ID, Own: own, FileID: b.InputFile, Made: b.Created})
}

// refused sorts out why a part could not be started. What is wrong with the part
// itself gives it up; what is wrong with the account or on the way does not.
func (m *Manager) refused(ctx context.Context, j *Entry, err error) error {
	e, ok := errors.AsType[*wire.Error](err)
	_, open := errors.AsType[*unsure](err)
	switch {
	case ok && queueFull(e):
		return m.noRoom(ctx, j, e.Message, time.Time{})
	case !ok || open || e.Passing():
		return err
	case e.Fatal(m.heard):
		return err
	case tooLarge(e):
		return m.giveUp(ctx, j, err, e.Error())
	}
	return errors.Join(err, m.drop(ctx, j, e.Error()))
}

// queueFull reports whether a batch was refused at once for want of room.
func queueFull(e *wire.Error) bool { return e.Code == "token_limit_exceeded" }

// tooLarge reports whether a file was refused for its size.
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

func (m *Manager) sameAccount(j *Entry) error {
	if j.Account == m.cfg.Account {
		return nil
	}
	return fault.WithHint(fmt.Errorf("%s was made under another API key or at another address", m.ledger.path),
		"use the key and the address that it was made with, or begin another ledger with --ledger")
}

// upload sends the job's file, unless an upload whose answer was lost has left
// it there.
func (m *Manager) upload(ctx context.Context, j *Entry) error {
	ok, err := isPart(j.File, j.Key)
	if err != nil {
		return err
	}
	if !ok {
		return &fault.Error{File: j.File, Err: errors.New("is not the file that the ledger speaks of"), Hint: "make it again from the same prompts, or begin another ledger with --ledger"}
	}
	name := "ner-" + j.Key + ".jsonl"
	var id string
	err = m.try(ctx, func(ctx context.Context) (err error) {
		if id, err = m.service.FindFile(ctx, name, j.Bytes); err != nil || id != "" {
			return err
		}
		id, err = m.service.Upload(ctx, name, j.Bytes, func() (io.ReadCloser, error) { return os.Open(j.File) })
		return err
	})
	if err != nil {
		return err
	}
	return m.ledger.record(event{Event: uploaded, Key: j.Key, Attempt: j.Attempt, FileID: id})
}

// patience is how long a batch is looked for that a call may have created.
var patience = 30 * time.Second

// lookFor is how long a batch is still to be looked for that a call of this ledger
// may have created.
func (m *Manager) lookFor(j *Entry) time.Duration {
	if j.Called.IsZero() {
		return 0
	}
	return min(max(0, patience-m.now().Sub(j.Called)), patience)
}

// create makes the batch. A call that ends in anything but an answer from the
// service itself may have made it all the same, and the batch may appear only
// after a while: it is looked for before another call is made.
func (m *Manager) create(ctx context.Context, j *Entry) error {
	for try := 0; ; try++ {
		if err := m.ledger.record(event{Event: creating, Key: j.Key, Attempt: j.Attempt}); err != nil {
			return err
		}
		var b wire.Batch
		throttled := func(e *wire.Error) bool { return e.Class == record.RateLimit && !queueFull(e) }
		err := m.tryWhile(ctx, throttled, func(ctx context.Context) (err error) {
			b, err = m.service.CreateBatch(ctx, j.FileID, j.Endpoint, m.cfg.Window, m.metadata(j))
			return err
		})
		if err == nil {
			m.begun[j.Key] = true
			return m.take(j, &b, true)
		}
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || !e.Passing() || e.Class == record.RateLimit {
			return err
		}
		m.cfg.Say(fmt.Sprintf("part %d: %v: the batch may have been created all the same: looking for it for %v", j.Number, e, patience))
		found, lookErr := m.await(ctx, j, patience)
		switch {
		case lookErr != nil:
			return &unsure{lookErr}
		case found:
			m.begun[j.Key] = j.Called.IsZero() // else another run's batch appeared first
			return nil
		case try >= m.cfg.MaxRetries:
			return err
		}
	}
}

// unsure is the error of a part of which it is not known whether its batch exists:
// the next run goes on looking for it.
type unsure struct{ err error }

func (e *unsure) Error() string { return e.err.Error() }
func (e *unsure) Unwrap() error { return e.err }

// drop gives a part up that can't be started: its file goes from the service.
func (m *Manager) drop(ctx context.Context, j *Entry, reason string) error {
	return errors.Join(m.deleteFile(ctx, j.FileID), m.ledger.record(event{Event: dropped, Key: j.Key, Attempt: j.Attempt, Reason: reason}))
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
