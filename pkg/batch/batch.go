// Package batch has requests answered by the Batch API: it splits them into
// parts that the service takes, starts each part once whatever kills the program
// in between, follows them, and turns what comes back into one result a request.
package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"nertools/pkg/fault"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Service is the part of the API that batches need. Its errors are those of
// openaiapi.Client.
type Service interface {
	Upload(ctx context.Context, name string, size int64, open func() (io.ReadCloser, error)) (id string, err error)
	FindFile(ctx context.Context, name string, size int64) (id string, err error)
	FileSize(ctx context.Context, id string) (int64, error)
	DeleteFile(ctx context.Context, id string) error
	Download(ctx context.Context, id string, at int64, w io.Writer) (int64, error)
	CreateBatch(ctx context.Context, file, endpoint, window string, metadata map[string]string) (wire.Batch, error)
	Batch(ctx context.Context, id string) (wire.Batch, error)
	Batches(ctx context.Context, after string) (page []wire.Batch, next string, err error)
	CancelBatch(ctx context.Context, id string) (wire.Batch, error)
}

// Config says how a [Manager] works.
type Config struct {
	Account     string       // tells accounts apart; goes into the ledger
	Window      string       // completion window: "24h"
	Description string       // goes into the batches' metadata; may be empty
	InFlight    int          // batches of this ledger that may run at once; 0: any number
	MaxRetries  int          // further tries of a call after its first
	Judge       *wire.Judge  // which answers are good ones
	Say         func(string) // tells people what they could not guess; not nil
}

// A Manager brings the parts of one input through the service.
type Manager struct {
	cfg     Config
	service Service
	ledger  *Ledger
	pacer   *pace.Pacer
	now     func() time.Time
	called  bool // at least once; if the first call had no answer, that was said
	heard   bool // the service has answered something

	latest map[string]wire.Batch // by batch id, as of the last look
	past   []wire.Batch          // of the ledger's parts, as the first look at the list showed them
	listed bool                  // past is known
	begun  map[string]bool       // keys of the parts whose batches this manager made
	alone  map[string]bool       // keys of the parts that no other batch asks, as far as can be known
	warned map[string]bool       // batches and parts that people were told of, by id and key
	full   []*Entry              // that were refused for want of room, to be told
	large  []error               // of the parts that were given up, to be told
	odd    map[string]bool       // unknown statuses that were reported
}

// NewManager returns a manager over an open ledger; nil for work that needs none.
func NewManager(cfg Config, service Service, ledger *Ledger) *Manager {
	return &Manager{
		cfg: cfg, service: service, ledger: ledger, now: time.Now, latest: map[string]wire.Batch{}, odd: map[string]bool{},
		begun: map[string]bool{}, alone: map[string]bool{}, warned: map[string]bool{},
		pacer: pace.New(pace.Config{InFlight: 1, MaxRetries: cfg.MaxRetries, MaxWait: maxWait}),
	}
}

// try makes a call until it succeeds or fails for good.
func (m *Manager) try(ctx context.Context, call func(context.Context) error) error {
	return m.tryWhile(ctx, (*wire.Error).Passing, call)
}

// A service that asks for a pause longer than maxWait is not waited for. One of
// longPause is mentioned.
const (
	longPause = 5 * time.Second
	maxWait   = 10 * time.Minute
)

// tryWhile makes a call until it succeeds or fails in a way that is not to be
// tried again.
func (m *Manager) tryWhile(ctx context.Context, again func(*wire.Error) bool, call func(context.Context) error) error {
	_, err := m.pacer.Do(ctx, 0, func(ctx context.Context) (pace.Limits, error) {
		err := call(ctx)
		e, ok := errors.AsType[*wire.Error](err)
		if err == nil || ok && !e.Unanswered() && !e.Suspect {
			m.heard = true
		}
		stays := ok && e.Fatal(m.heard)
		if ok && e.Unanswered() && !m.called && !stays {
			m.cfg.Say(fmt.Sprintf("no answer yet: %v", e))
		}
		m.called = true
		if ok && again(e) && !stays {
			if e.RetryAfter >= longPause && e.RetryAfter <= maxWait {
				m.cfg.Say(fmt.Sprintf("waiting for %v, as the service asks: %v", e.RetryAfter.Round(time.Second), e))
			}
			return pace.Limits{}, &pace.Retry{Err: e, After: e.RetryAfter, Throttled: e.Class == record.RateLimit}
		}
		return pace.Limits{}, err
	})
	if _, ok := errors.AsType[*pace.GivenUp](err); ok {
		return fault.WithHint(err, "run the same command again later")
	}
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Unanswered() && e.Hint == "" {
		return fault.WithHint(err, "check that the server is up, and --base-url (OPENAI_BASE_URL); then run the same command again")
	}
	return err
}

// lookup makes a call about the batch so called.
func (m *Manager) lookup(ctx context.Context, id string, call func(context.Context) error) error {
	err := m.try(ctx, call)
	e, ok := errors.AsType[*wire.Error](err)
	switch {
	case !ok || e.Status != http.StatusNotFound && e.Status != http.StatusBadRequest:
		return err
	case strings.ContainsAny(id, "./\\ "):
		return fault.WithHint(err, "that looks like a file, not like a batch: job records in a file are named without --batch-id; ner-batch list shows the ids")
	}
	return fault.WithHint(err, "see what ner-batch list shows: is the id whole, and are key, project and --base-url (OPENAI_BASE_URL) those that the batch was started with?")
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

func (m *Manager) metadata(j *Entry) map[string]string {
	meta := map[string]string{
		metaKey: j.Key, metaAttempt: strconv.Itoa(j.Attempt),
		metaFirst: strconv.Itoa(j.First), metaLast: strconv.Itoa(j.Last),
		metaPart: fmt.Sprintf("%d/%d", j.Number, j.Of),
	}
	for key, value := range map[string]string{metaSource: j.Source, metaSettings: j.Settings, metaRun: j.Run, metaText: m.cfg.Description} {
		if value != "" {
			meta[key] = value
		}
	}
	for key, n := range map[string]int{metaTotal: j.Total, metaRequests: j.Requests} {
		if n > 0 {
			meta[key] = strconv.Itoa(n)
		}
	}
	return meta
}

// Plan enters the parts that a ledger does not know yet as files that may be
// submitted some day.
func Plan(l *Ledger, parts []Part) error {
	for i := range parts {
		if l.Job(parts[i].Key) != nil {
			continue
		}
		if err := l.record(event{Event: planned, Key: parts[i].Key, Part: &parts[i]}); err != nil {
			return err
		}
	}
	return nil
}

// Jobs are the ledger's jobs of the given parts, as far as it has them.
func (m *Manager) Jobs(parts []Part) []*Entry {
	var jobs []*Entry
	for i := range parts {
		if j := m.ledger.Job(parts[i].Key); j != nil {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

func (m *Manager) deleteFile(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	err := m.try(ctx, func(ctx context.Context) error { return m.service.DeleteFile(ctx, id) })
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// Look asks the service once about each of the jobs whose batch runs, and
// records which have ended. What the service will never take is given up, see
// [Manager.GivenUp].
func (m *Manager) Look(ctx context.Context, jobs []*Entry) error {
	defer m.sayFull()
	var doubtful []*Entry
	for _, j := range jobs {
		if j.State != created {
			continue
		}
		b, err := m.Batch(ctx, j.BatchID)
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Status == http.StatusNotFound {
			if err := m.sameAccount(j); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", j.BatchID, err)
		}
		if !m.alone[j.Key] || b.Final() || !eligible(&b) {
			doubtful = append(doubtful, j)
		}
	}
	if err := m.single(ctx, doubtful); err != nil {
		return err
	}
	for _, j := range jobs {
		if j.State == created {
			if err := m.took(ctx, j, m.latest[j.BatchID]); err != nil {
				return err
			}
		}
	}
	return nil
}

// A batch that has ended may not show its files at once. It is looked at again a
// few times on the spot, and on later looks for as long as settling after its end.
const settling = 10 * time.Minute

var settleWaits = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// settle returns b once it shows its files, or as it is when it will not.
func (m *Manager) settle(ctx context.Context, b wire.Batch) (settled wire.Batch, ok bool, err error) {
	for _, wait := range settleWaits {
		if !b.Final() || b.Settled() {
			return b, b.Final(), nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return b, false, ctx.Err()
		}
		if b, err = m.Batch(ctx, b.ID); err != nil {
			return b, false, err
		}
	}
	// Clocks may differ by more than that: then it is not worth waiting either.
	return b, b.Settled() || m.now().Sub(b.Ended).Abs() > settling, nil
}

// took takes over what is known of the job's batch.
func (m *Manager) took(ctx context.Context, j *Entry, b wire.Batch) error {
	b, ended, err := m.settle(ctx, b)
	if err != nil || !ended {
		return err
	}
	if b.QueueFull() {
		return m.noRoom(ctx, j, b.Problems[0].Message, b.Ended)
	}
	if left := m.lookFor(j); left > 0 {
		// It has another run's batch, and its own may still appear: to be cancelled,
		// or to be accounted for.
		if !m.warned[j.Key] {
			m.warned[j.Key] = true
			m.cfg.Say(fmt.Sprintf("part %d: a call that failed may have created another batch: looking for it for %v more", j.Number, left.Round(time.Second)))
		}
		return nil
	}
	if ended, err := m.doublesEnded(ctx, j); err != nil || !ended {
		return err
	}
	reason := ""
	if len(b.Problems) > 0 {
		reason = b.Problems[0].Error()
	}
	// The file of a batch that failed stays at the service, as that of every other
	// batch: it alone tells which rows the batch had, and another attempt uses it.
	return m.ledger.record(event{Event: finished, Key: j.Key, Attempt: j.Attempt, Status: b.Status, Reason: reason})
}

// Running reports whether any of the jobs is still to end.
func Running(jobs []*Entry) bool {
	for _, j := range jobs {
		if j.Pending() && j.State != finished {
			return true
		}
	}
	return false
}

// ErrStillRunning is the error of waiting for longer than was wanted.
var ErrStillRunning = errors.New("still running")

// Wait calls look at once and then every so often, until it reports that
// nothing is left to wait for. After most it gives up with [ErrStillRunning].
func Wait(ctx context.Context, every, most time.Duration, look func(context.Context) (done bool, err error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, ErrStillRunning)
	defer cancel()
	for {
		done, err := look(ctx)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if done || err != nil {
			return err
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Batch returns a batch as it is now.
func (m *Manager) Batch(ctx context.Context, id string) (b wire.Batch, err error) {
	err = m.lookup(ctx, id, func(ctx context.Context) (err error) {
		b, err = m.service.Batch(ctx, id)
		return err
	})
	if err != nil {
		return b, err
	}
	m.latest[id] = b
	if !b.StatusKnown() && !m.odd[b.Status] {
		m.odd[b.Status] = true
		m.cfg.Say(fmt.Sprintf("%s has the unknown status %q, which is taken to mean that it is still running", id, b.Status))
	}
	return b, nil
}

// Fetched records that the results of the job are at path, and what they came to.
func (m *Manager) Fetched(j *Entry, path string, o *Outcome) error {
	return m.ledger.record(event{Event: fetched, Key: j.Key, Attempt: j.Attempt, Results: path, Unanswered: o.Unanswered()})
}

// Record shows the job as a record, with what is known of its batch.
func (m *Manager) Record(j *Entry) record.Job {
	r := record.Job{
		BatchID: j.BatchID, Key: j.Key, File: j.File, Part: j.Number, Parts: j.Of, Source: j.Source, Total: j.Total,
		First: j.First, Last: j.Last, Status: "waiting", Requests: j.Requests,
	}
	switch j.State {
	case dropped:
		r.Status, r.Errors = wire.BatchFailed, []record.Problem{{Message: j.Reason}}
	case queued:
		r.Errors = []record.Problem{{Message: j.Reason}}
	}
	if b, ok := m.latest[j.BatchID]; ok {
		fill(&r, &b)
	} else if j.Status != "" {
		r.Status = j.Status
	} else if j.State == created {
		r.Status = "validating"
	}
	return r
}

// Describe shows a batch, be it ours or not, as a job record.
func Describe(b *wire.Batch) record.Job {
	r := record.Job{BatchID: b.ID, Key: b.Metadata[metaKey], Source: b.Metadata[metaSource]}
	number := func(key string) int {
		n, _ := strconv.Atoi(b.Metadata[key]) // 0 for what others wrote there
		return n
	}
	r.Total, r.First, r.Last = number(metaTotal), number(metaFirst), number(metaLast)
	part, of, _ := strings.Cut(b.Metadata[metaPart], "/")
	r.Part, _ = strconv.Atoi(part)
	r.Parts, _ = strconv.Atoi(of)
	fill(&r, b)
	return r
}

func fill(r *record.Job, b *wire.Batch) {
	r.Status, r.Completed, r.Failed, r.Created, r.Expires = b.Status, b.Completed, b.Failed, b.Created, b.Expires
	if r.Requests == 0 {
		r.Requests = b.Total
	}
	r.Errors = append(r.Errors, b.Problems...)
}

// Cancel asks the service to stop a batch. For one that has ended the error is a
// [*wire.Error] with the status 409, which is not tried again.
func (m *Manager) Cancel(ctx context.Context, id string) (b wire.Batch, err error) {
	var conflict error
	err = m.lookup(ctx, id, func(ctx context.Context) error {
		b, err = m.service.CancelBatch(ctx, id)
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Status == http.StatusConflict {
			conflict = err
			return nil
		}
		return err
	})
	return b, cmp.Or(err, conflict)
}

// List returns up to n of the account's batches, newest first.
func (m *Manager) List(ctx context.Context, n int) ([]wire.Batch, error) {
	var all []wire.Batch
	err := m.pages(ctx, func(page []wire.Batch) bool {
		all = append(all, page...)
		return len(all) < n
	})
	return all[:min(n, len(all))], err
}
