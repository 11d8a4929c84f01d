package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
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
	Say         func(string) // tells people, once, that the service can't be reached; not nil
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

	full   bool                  // the queue was full; until a batch has ended nothing is started
	latest map[string]wire.Batch // by batch id, as of the last look
	odd    map[string]bool       // unknown statuses that were reported
}

// NewManager returns a manager over an open ledger; nil for work that needs none.
func NewManager(cfg Config, service Service, ledger *Ledger) *Manager {
	return &Manager{
		cfg: cfg, service: service, ledger: ledger, now: time.Now, latest: map[string]wire.Batch{}, odd: map[string]bool{},
		pacer: pace.New(pace.Config{Flying: 1, MaxRetries: cfg.MaxRetries, MaxWait: 10 * time.Minute}),
	}
}

// try makes a call until it succeeds or fails for good.
func (m *Manager) try(ctx context.Context, call func(context.Context) error) error {
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
		if ok && e.Passing() && !stays {
			return pace.Limits{}, &pace.Retry{Err: e, After: e.RetryAfter, Throttled: e.Class == record.RateLimit}
		}
		return pace.Limits{}, err
	})
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
	metaSource   = "ner_source"
	metaTotal    = "ner_total"
	metaFirst    = "ner_first"
	metaLast     = "ner_last"
	metaPart     = "ner_part"
	metaRequests = "ner_requests"
	metaSettings = "ner_settings"
	metaText     = "description"
)

func (m *Manager) metadata(j *Job) map[string]string {
	meta := map[string]string{
		metaKey: j.Key, metaAttempt: strconv.Itoa(j.Attempt),
		metaFirst: strconv.Itoa(j.First), metaLast: strconv.Itoa(j.Last),
		metaPart: fmt.Sprintf("%d/%d", j.Number, j.Of),
	}
	for key, value := range map[string]string{metaSource: j.Source, metaSettings: j.Settings, metaText: m.cfg.Description} {
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

// Add enters the parts into the ledger, those that it does not know yet: from
// then on [Manager.Start] sees to them. A part that was begun before is gone on
// with. fresh begins parts anew that have ended, which is paid for again; one
// that still runs is gone on with.
func (m *Manager) Add(ctx context.Context, parts []Part, fresh bool) error {
	for i := range parts {
		p := &parts[i]
		j := m.ledger.Job(p.Key)
		attempt := 1
		switch {
		case j == nil:
		case j.State == planned:
			p = &j.Part // the file alone does not tell how many rows the source has
		case fresh && (j.State == finished || j.State == fetched), j.State == dropped, j.State == finished && j.Status == wire.BatchFailed:
			attempt = j.Attempt + 1
		default:
			continue
		}
		if fresh && attempt == 1 {
			// It may have been begun under a ledger that is gone.
			last, err := m.lastAttempt(ctx, p.Key)
			if err != nil {
				return err
			}
			attempt = last + 1
		}
		if err := m.ledger.record(event{Event: intent, Key: p.Key, Attempt: attempt, Account: m.cfg.Account, Part: p}); err != nil {
			return err
		}
	}
	return nil
}

// lastAttempt is the highest attempt of a part that the service knows, 0 if none.
func (m *Manager) lastAttempt(ctx context.Context, key string) (last int, err error) {
	all, err := m.List(ctx, math.MaxInt)
	for i := range all {
		if n, e := strconv.Atoi(all[i].Metadata[metaAttempt]); e == nil && all[i].Metadata[metaKey] == key {
			last = max(last, n)
		}
	}
	return last, err
}

// Jobs are the ledger's jobs of the given parts.
func (m *Manager) Jobs(parts []Part) []*Job {
	var jobs []*Job
	for i := range parts {
		jobs = append(jobs, m.ledger.Job(parts[i].Key))
	}
	return jobs
}

// Start starts those of the jobs that wait to be started, as far as the service
// takes them: what is found to exist there already, from a run that was killed,
// is taken over.
func (m *Manager) Start(ctx context.Context, jobs []*Job) error {
	running := 0
	for _, j := range m.ledger.Jobs() {
		if j.State == created {
			running++
		}
	}
	if running == 0 {
		m.full = false
	}
	for _, j := range jobs {
		if j.State == queued && !m.full && (m.cfg.InFlight == 0 || running < m.cfg.InFlight) {
			// A new attempt, on the file that is there.
			if err := m.ledger.record(event{Event: intent, Key: j.Key, Attempt: j.Attempt + 1, Account: m.cfg.Account, Part: &j.Part}); err != nil {
				return err
			}
		}
		if j.State != intent && j.State != uploaded {
			continue
		}
		if m.full || m.cfg.InFlight > 0 && running >= m.cfg.InFlight {
			continue
		}
		if err := m.start(ctx, j); err != nil {
			return err
		}
		if j.State == created {
			running++
		}
	}
	return nil
}

// start brings one job from its intent to its batch.
func (m *Manager) start(ctx context.Context, j *Job) error {
	if err := m.sameAccount(j); err != nil {
		return err
	}
	var found *wire.Batch
	err := m.try(ctx, func(ctx context.Context) (err error) {
		found, err = m.find(ctx, j)
		return err
	})
	if err != nil {
		return fmt.Errorf("look for part %d: %w", j.Number, err)
	}
	if found != nil {
		m.latest[found.ID] = *found
		return m.ledger.record(event{Event: created, Key: j.Key, Attempt: j.Attempt, BatchID: found.ID, FileID: found.InputFile})
	}
	if j.FileID == "" {
		if err := m.upload(ctx, j); err != nil {
			return fmt.Errorf("upload %s: %w", j.File, err)
		}
	}
	b, err := m.create(ctx, j)
	var e *wire.Error
	switch {
	case err == nil:
		m.latest[b.ID] = b
		return m.ledger.record(event{Event: created, Key: j.Key, Attempt: j.Attempt, BatchID: b.ID})
	case errors.As(err, &e) && e.Code == "token_limit_exceeded":
		m.full = true
		return m.ledger.record(event{Event: queued, Key: j.Key, Attempt: j.Attempt, Reason: e.Message})
	case errors.As(err, &e) && !e.Passing():
		return errors.Join(fmt.Errorf("start part %d: %w", j.Number, err), m.drop(ctx, j, e.Error()))
	}
	return fmt.Errorf("start part %d: %w", j.Number, err)
}

func (m *Manager) sameAccount(j *Job) error {
	if j.Account == m.cfg.Account {
		return nil
	}
	return fault.WithHint(fmt.Errorf("%s was made under another API key or at another address", m.ledger.path),
		"use the key and the address that it was made with, or begin another ledger with --ledger")
}

// find looks, once, for a batch of the job's attempt that exists although the
// ledger does not know of it: the answer to the call that made it was lost.
func (m *Manager) find(ctx context.Context, j *Job) (*wire.Batch, error) {
	// Clocks differ; an hour of it is more than enough.
	oldest := j.Since.Add(-time.Hour)
	for after := ""; ; {
		page, next, err := m.service.Batches(ctx, after)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if b := &page[i]; b.Metadata[metaKey] == j.Key && b.Metadata[metaAttempt] == strconv.Itoa(j.Attempt) {
				return b, nil
			}
		}
		if next == "" || len(page) > 0 && page[len(page)-1].Created.Before(oldest) {
			return nil, nil
		}
		after = next
	}
}

// upload sends the job's file, unless an upload whose answer was lost has left
// it there.
func (m *Manager) upload(ctx context.Context, j *Job) error {
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

// create makes the batch. A call whose answer does not come may have made it all
// the same, so that each further try looks for it first.
func (m *Manager) create(ctx context.Context, j *Job) (b wire.Batch, err error) {
	first := true
	err = m.try(ctx, func(ctx context.Context) (err error) {
		if !first {
			if found, err := m.find(ctx, j); err != nil || found != nil {
				if found != nil {
					b = *found
				}
				return err
			}
		}
		first = false
		b, err = m.service.CreateBatch(ctx, j.FileID, j.Endpoint, m.cfg.Window, m.metadata(j))
		return err
	})
	return b, err
}

// drop gives a part up that can't be started: its file goes from the service.
func (m *Manager) drop(ctx context.Context, j *Job, reason string) error {
	return errors.Join(m.deleteFile(ctx, j.FileID), m.ledger.record(event{Event: dropped, Key: j.Key, Attempt: j.Attempt, Reason: reason}))
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
// records which have ended.
func (m *Manager) Look(ctx context.Context, jobs []*Job) error {
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
		if err := m.took(ctx, j, b); err != nil {
			return err
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
func (m *Manager) took(ctx context.Context, j *Job, b wire.Batch) error {
	b, ended, err := m.settle(ctx, b)
	if err != nil || !ended {
		return err
	}
	m.full = false
	if b.QueueFull() {
		m.full = true
		return m.ledger.record(event{Event: queued, Key: j.Key, Attempt: j.Attempt, Reason: b.Problems[0].Message})
	}
	// The file of a batch that failed stays at the service, as that of every other
	// batch: it alone tells which rows the batch had, and another attempt uses it.
	return m.ledger.record(event{Event: finished, Key: j.Key, Attempt: j.Attempt, Status: b.Status})
}

// Running reports whether any of the jobs is still to end.
func Running(jobs []*Job) bool {
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
func (m *Manager) Fetched(j *Job, path string, o *Outcome) error {
	return m.ledger.record(event{Event: fetched, Key: j.Key, Attempt: j.Attempt, Results: path, Unanswered: o.Unanswered()})
}

// Record shows the job as a record, with what is known of its batch.
func (m *Manager) Record(j *Job) record.Job {
	r := record.Job{
		BatchID: j.BatchID, Key: j.Key, File: j.File, Part: j.Number, Parts: j.Of, Source: j.Source, Total: j.Total,
		First: j.First, Last: j.Last, Status: "waiting", Requests: j.Requests,
	}
	if j.State == dropped {
		r.Status, r.Errors = wire.BatchFailed, []record.JobError{{Message: j.Reason}}
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
	for _, p := range b.Problems {
		r.Errors = append(r.Errors, record.JobError{Code: p.Code, Line: p.Line, Message: p.Message, Param: p.Param})
	}
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
	for after := ""; len(all) < n; {
		var page []wire.Batch
		var next string
		err := m.try(ctx, func(ctx context.Context) (err error) {
			page, next, err = m.service.Batches(ctx, after)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list batches: %w", err)
		}
		all = append(all, page...)
		if next == "" {
			break
		}
		after = next
	}
	return all[:min(n, len(all))], nil
}
