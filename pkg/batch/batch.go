// Package batch sends requests through the Batch API. It splits them into parts that the
// service accepts, starts each part exactly once even if the program is killed in between,
// waits for the batches, and converts their files into one result for each request.
package batch

import (
	"context"
	"errors"
	"io"
	"time"

	"nertools/pkg/pace"
	"nertools/pkg/price"
	"nertools/pkg/wire"
)

// Service is the part of the API that batches need. Methods return the errors that
// openaiapi.Client documents.
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
	Account     string       // identifies the account in the ledger
	Former      []string     // names of the same account in ledgers of earlier versions
	Window      string       // completion window, such as "24h"
	Description string       // for the batches' metadata; may be empty
	Prices      *price.Table // may be nil if MaxCost is 0 and the ledger has no limits; then nothing has a known cost
	MaxCost     price.Amount // the most that new parts may cost, with all their rounds; 0 means any amount
	Rounds      int          // how often rows of a new part may be submitted, if its batches expire; 0 means once
	InFlight    int          // how many batches of the ledger may run at once; 0 means any number
	Fresh       bool         // start parts again that have ended, which costs their price again
	MaxRetries  int          // how often a failed call is repeated
	Judge       *wire.Judge  // decides which answers are complete
	Say         func(string) // prints a message; not nil
}

// A Manager starts the parts of a ledger and fetches their results. It also follows
// batches that other programs started.
type Manager struct {
	cfg     Config
	service Service
	ledger  *ledger
	pacer   *pace.Pacer
	now     func() time.Time
	called  bool // a call was made; if the first one got no response, that was reported
	heard   bool // the service has responded

	limit  *CostLimit              // of the parts that are started; nil without Config.MaxCost
	bounds map[string]price.Amount // the most that these parts can cost, by key

	latest map[string]wire.Batch // batches by id, as last seen
	past   []wire.Batch          // batches of the ledger's parts in the first list that was read
	listed bool                  // past is set
	begun  map[string]bool       // keys of the parts whose batches this manager created
	alone  map[string]bool       // keys of the parts that no other batch asks, as far as can be known
	warned map[string]bool       // keys of the parts whose search for a batch was reported
	full   []*Entry              // refused because the queue is full; not reported yet
	large  []error               // a [*TooLarge] for each part given up; not returned yet
	odd    map[string]bool       // unknown statuses that were reported
}

// New returns a manager without a ledger, which can follow batches but start none.
func New(service Service, cfg Config) *Manager {
	return &Manager{
		cfg: cfg, service: service, now: time.Now, latest: map[string]wire.Batch{}, odd: map[string]bool{},
		begun: map[string]bool{}, alone: map[string]bool{}, warned: map[string]bool{},
		pacer: pace.New(pace.Config{InFlight: 1, MaxRetries: cfg.MaxRetries, MaxWait: maxWait}),
	}
}

// Open returns a manager whose ledger is the file at path, which it creates if necessary.
// The ledger is locked until the caller closes the manager. The error wraps
// [durable.ErrLocked] if another process has locked it.
func Open(path string, service Service, cfg Config) (*Manager, error) {
	ledger, err := openLedger(path)
	if err != nil {
		return nil, err
	}
	m := New(service, cfg)
	m.ledger = ledger
	return m, nil
}

// Close closes and unlocks the ledger.
func (m *Manager) Close() error { return m.ledger.close() }

// Plan writes the files of the draft's parts, as [Manager.Prepare] does without a trial, and
// records in the ledger at path that they exist, without starting them. It returns the errors
// of [Open].
func Plan(path string, d *Draft) error {
	l, err := openLedger(path)
	if err != nil {
		return err
	}
	l.takeOver(d)
	err = d.writeAll()
	for i := range d.Parts {
		if p := &d.Parts[i]; err == nil && l.entry(p.Key) == nil {
			err = l.record(event{Event: planned, Key: p.Key, Part: p})
		}
	}
	return errors.Join(err, l.close())
}
