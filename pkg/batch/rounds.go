package batch

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A job is a part and its further rounds. When a batch expires, the rows that it did not
// process, and that cost nothing, are submitted again as a part of their own, as long as the
// job may have another round. A batch that somebody cancelled has no further round.

// rounds returns the entries of the further rounds of a job, in order.
func (l *ledger) rounds(job *Entry) []*Entry {
	var further []*Entry
	for _, entry := range l.entries {
		if entry.Job == job.Key && entry.Attempt == job.Attempt && entry.State != "" {
			further = append(further, entry)
		}
	}
	slices.SortStableFunc(further, func(a, b *Entry) int { return a.Round - b.Round })
	return further
}

// last returns the entry of a job's last round.
func (l *ledger) last(job *Entry) *Entry {
	if further := l.rounds(job); len(further) > 0 {
		return further[len(further)-1]
	}
	return job
}

// withRounds returns the entries and their further rounds.
func (m *Manager) withRounds(jobs []*Entry) []*Entry {
	all := slices.Clone(jobs)
	for _, job := range jobs {
		all = append(all, m.ledger.rounds(job)...)
	}
	return all
}

// due returns the number of the job's round that is still to be submitted, 0 if the job
// needs or may have no further one.
func (m *Manager) due(job *Entry) int {
	last := m.ledger.last(job)
	if job.Job != "" || job.Over || last.State != finished || last.Status != wire.BatchExpired || max(last.Round, 1) >= job.Rounds {
		return 0
	}
	return max(last.Round, 1) + 1
}

// Later returns the number of the job's further round that is to be submitted or has not
// ended, otherwise 0.
func (m *Manager) Later(job *Entry) int {
	if last := m.ledger.last(job); last != job && last.running() {
		return last.Round
	}
	return m.due(job)
}

// running reports whether the job was started and has not ended, its further rounds included.
func (m *Manager) running(job *Entry) bool {
	return m.due(job) > 0 || m.ledger.last(job).running()
}

// State returns the last known state of the job's last round.
func (m *Manager) State(job *Entry) string { return m.Record(m.ledger.last(job)).Status }

// roundOf returns the round of an entry for the metadata of its batch; "" if its job has only
// one.
func (m *Manager) roundOf(entry *Entry) string {
	most := entry.Rounds
	if job := m.ledger.keyed(entry.Job); entry.Job != "" && job != nil {
		most = job.Rounds
	}
	if most <= 1 {
		return ""
	}
	return fmt.Sprintf("%d/%d", max(entry.Round, 1), most)
}

// rounds returns the round of a batch, and how many there may be, 0 if unknown.
func rounds(b *wire.Batch) (round, most int) {
	first, second, _ := strings.Cut(b.Metadata[metaRound], "/")
	round, _ = strconv.Atoi(first)
	most, _ = strconv.Atoi(second) // another tool may have written something else there
	return round, most
}

// AsksAgain reports whether the rows that the batch did not process are submitted again by
// whoever has its ledger.
func AsksAgain(b *wire.Batch) bool {
	round, most := rounds(b)
	return b.Status == wire.BatchExpired && round > 0 && round < most
}

// progress returns the job's record with the counts of all its rounds.
func (m *Manager) progress(job *Entry) record.Job {
	r := m.Record(job)
	for _, entry := range m.ledger.rounds(job) {
		next := m.Record(entry)
		next.Completed, next.Failed, next.Requests = next.Completed+r.Completed, next.Failed+r.Failed, r.Requests
		r = next
	}
	return r
}

// nextRounds records the rounds that are due among the jobs and starts them, as far as the
// service has room.
func (m *Manager) nextRounds(ctx context.Context, jobs []*Entry) error {
	var next []*Entry
	for _, job := range jobs {
		if m.due(job) == 0 {
			continue
		}
		entry, err := m.nextRound(ctx, job)
		if err != nil {
			return fmt.Errorf("part %d: submit expired rows again: %w", job.Number, err)
		}
		if entry != nil {
			next = append(next, entry)
		}
	}
	return m.startAll(ctx, next)
}

// restWait is how long the files of an expired batch that are not there are waited for.
const restWait = 24 * time.Hour

// nextRound writes the file of the job's next round, which is due, and records it. It returns
// nil if no row can be submitted again now.
func (m *Manager) nextRound(ctx context.Context, job *Entry) (*Entry, error) {
	last := m.ledger.last(job)
	rest, whole, err := m.unprocessed(ctx, last)
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		if !whole && m.now().Sub(last.Since) < restWait {
			return nil, nil
		}
		return nil, m.ledger.record(event{Event: over, Key: job.Key, Attempt: job.Attempt})
	}
	p, err := m.writeRound(ctx, job, last, rest)
	if err != nil {
		return nil, err
	}
	bound, why, err := m.affordRound(job, p)
	if err != nil {
		return nil, err
	}
	expired := fmt.Sprintf("part %d: %s expired in %s", job.Number, english.Count(len(rest), "row"), last.BatchID)
	if why != "" {
		_ = os.Remove(p.File) // nobody needs it
		m.cfg.Say(expired + ", not submitted again: " + why)
		return nil, m.ledger.record(event{Event: over, Key: job.Key, Attempt: job.Attempt, Reason: "cost limit"})
	}
	err = m.ledger.record(event{Event: intent, Key: p.Key, Attempt: job.Attempt, Account: m.cfg.Account, Run: strings.ToLower(rand.Text()), Part: p, Limit: job.Limit, Bound: bound})
	if err != nil {
		return nil, err
	}
	m.listed = false // a run whose ledger is lost may have started it
	m.cfg.Say(fmt.Sprintf("%s, to be submitted again in round %d of %d", expired, p.Round, job.Rounds))
	return m.ledger.keyed(p.Key), nil
}

// unprocessed returns the ids of the rows that an expired batch did not process. whole is
// false if a file that may name some of them is not there.
func (m *Manager) unprocessed(ctx context.Context, entry *Entry) (rest map[string]bool, whole bool, err error) {
	rest = map[string]bool{}
	var missing []string
	var o Outcome
	processed := 0
	err = m.fetchEntry(ctx, entry, &o, func(r *record.Result) error {
		switch {
		case r.Failure != nil && r.Failure.Class == record.Expired:
			rest[strings.Clone(r.ID)] = true
		case r.Failure != nil && r.Failure.Class == record.Missing:
			missing = append(missing, strings.Clone(r.ID))
		default:
			processed++
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	if err := m.spent(entry, &o); err != nil {
		return nil, false, err
	}
	// A row that is in no file was not processed if the files are whole and contain as many
	// rows as the service counts.
	b := m.latest[entry.BatchID]
	if !o.Incomplete && len(o.Damage) == 0 && len(o.Flaws) == 0 && processed >= b.Completed+b.Failed {
		for _, id := range missing {
			rest[id] = true
		}
	}
	return rest, !o.Incomplete, nil
}

// writeRound writes the lines of the rows in rest to the file of the job's next round.
func (m *Manager) writeRound(ctx context.Context, job, last *Entry, rest map[string]bool) (*Part, error) {
	b := m.latest[last.BatchID]
	f := fetching{manager: m, batch: &b, local: last.File, outcome: &Outcome{}}
	defer f.remove()
	in, err := f.openPart()
	if err == nil && in == nil {
		in, err = f.download(ctx, b.InputFile)
	} else if in != nil {
		defer in.Close()
	}
	if err != nil {
		return nil, err
	}
	p := last.Part
	p.Job, p.Round, p.Requests, p.Bytes = job.Key, max(last.Round, 1)+1, 0, 0
	p.File = roundPath(job.File, p.Round)
	sum, key := sha256.New(), sha256.New()
	fmt.Fprintln(key, job.Key)
	err = durable.Replace(p.File, func(w io.Writer) error {
		out := bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10)
		for line, err := range record.NewLines(last.File, in).All() {
			if err != nil {
				return err
			}
			id := wire.CustomID(line)
			if !rest[id] {
				continue
			}
			fmt.Fprintln(key, id)
			_, row, _, _ := record.ParseID(id)
			if p.Requests == 0 {
				p.First, p.Last = row, row
			}
			p.First, p.Last = min(p.First, row), max(p.Last, row)
			p.Requests++
			p.Bytes += int64(len(line)) + 1
			if _, err := out.Write(line); err != nil {
				return err
			}
			if err := out.WriteByte('\n'); err != nil {
				return err
			}
		}
		return out.Flush()
	})
	p.Key, p.Sent = keyOf(key), keyOf(sum)
	return &p, err
}

// roundPath returns the file of a further round of the part in the file at path.
func roundPath(path string, round int) string {
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s.round%d%s", strings.TrimSuffix(path, ext), round, ext)
}

// fetchJob is fetchEntry for all rounds of a job: of each row, the result of the last round
// that asked it counts.
func (m *Manager) fetchJob(ctx context.Context, job *Entry, o *Outcome, put func(*record.Result) error) error {
	further := m.ledger.rounds(job)
	if len(further) == 0 {
		return m.fetchEntry(ctx, job, o, put)
	}
	slices.Reverse(further)
	seen := map[string]bool{}
	for _, entry := range append(further, job) {
		var each Outcome
		err := m.fetchEntry(ctx, entry, &each, func(r *record.Result) error {
			if seen[r.ID] {
				return nil
			}
			seen[strings.Clone(r.ID)] = true
			o.count(r, m.cfg.Prices)
			return put(r)
		})
		if err != nil {
			return err
		}
		o.countUnnamed(each.Unnamed)
		o.addFindings(&each)
	}
	return nil
}
