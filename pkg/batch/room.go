package batch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"nertools/pkg/wire"
)

// room reports whether the service's queue may have room for the entry's part: no part of
// the same model was refused, or a batch has ended since then, or the waiting time is over.
// Until the batches that were started since then leave validation, no more are started
// than have ended.
func (m *Manager) room(entry *Entry) bool {
	var refused time.Time
	refusals, ended, unproven := 0, 0, 0
	for _, other := range m.ledger.entries {
		if other.Model == entry.Model && other.Refused.After(refused) {
			refused = other.Refused
		}
	}
	if refused.IsZero() {
		return true
	}
	for _, other := range m.ledger.entries {
		if other.Model != entry.Model {
			continue
		}
		refusals = max(refusals, other.Refusals)
		if other.Ended.After(refused) {
			ended++
		}
		if status := m.latest[other.BatchID].Status; other.State == created && other.Since.After(refused) && (status == "" || status == "validating") {
			unproven++
		}
	}
	if ended == 0 && !m.now().Before(refused.Add(backOff(refusals))) {
		ended = 1
	}
	return unproven < ended
}

// backOff returns how long to wait after that many refusals in a row: 1 to 30 minutes.
func backOff(refusals int) time.Duration {
	const first, most = time.Minute, 30 * time.Minute
	return min(first<<min(max(refusals-1, 0), 10), most)
}

// noRoom queues a part that was refused because the service's queue is full. If no other
// batch of the account is in the queue of its model, the part is too large and is given
// up. at is the time of the refusal by the service's clock; zero if unknown.
func (m *Manager) noRoom(ctx context.Context, entry *Entry, reason string, at time.Time) error {
	refused := m.latest[entry.BatchID].ID
	if err := m.ledger.record(event{Event: queued, Key: entry.Key, Attempt: entry.Attempt, Reason: reason}); err != nil {
		return err
	}
	ahead, err := m.ahead(ctx, entry, refused, at)
	if err != nil {
		return err
	}
	if !ahead {
		return m.giveUp(ctx, entry, errors.New(reason), reason)
	}
	m.full = append(m.full, entry)
	return nil
}

// sayFull reports the parts that have just been refused because the queue is full.
func (m *Manager) sayFull() {
	if len(m.full) == 0 {
		return
	}
	var numbers []string
	most := 0
	for _, entry := range m.full {
		numbers = append(numbers, strconv.Itoa(entry.Number))
		most = max(most, entry.Refusals)
	}
	m.cfg.Say(fmt.Sprintf("no room in the service's queue for part %s, which is tried again when a batch has ended, or in %v: %s",
		strings.Join(numbers, ", "), backOff(most), m.full[0].Reason))
	m.full = nil
}

// ahead reports whether another batch of the account takes up room in the queue of the
// entry's model, or did until recently, since services may free the room with a delay.
func (m *Manager) ahead(ctx context.Context, entry *Entry, refused string, at time.Time) (found bool, err error) {
	if at.IsZero() {
		at = m.now()
	}
	holds := func(b *wire.Batch) bool {
		switch {
		case b.ID == refused || b.Status == wire.BatchFailed || b.Status == "validating":
			return false
		case b.Model != "" && !strings.HasPrefix(b.Model, entry.Model) && !strings.HasPrefix(entry.Model, b.Model):
			return false // a service may return a model's dated name
		}
		return !b.Final() || at.Sub(b.Ended).Abs() < settling
	}
	for _, other := range m.ledger.entries {
		if b, ok := m.latest[other.BatchID]; ok && other.State == created && other.Model == entry.Model && !b.Final() && holds(&b) {
			return true, nil // it may not be listed yet
		}
	}
	err = m.pages(ctx, func(page []wire.Batch) bool {
		for i := range page {
			found = found || holds(&page[i])
		}
		// A batch runs for a day at most.
		return !found && page[len(page)-1].Created.After(at.Add(-48*time.Hour))
	})
	return found, err
}
