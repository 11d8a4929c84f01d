// Package progress shows how far a run is: as a live bar on a terminal, elsewhere as a
// plain line from time to time.
package progress

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"nertools/pkg/safetext"
)

// The modes.
const (
	Auto  = "auto"  // bar on a terminal, plain elsewhere
	Bar   = "bar"   // a live bar
	Plain = "plain" // a line from time to time
	None  = "none"  // only the lines passed to Say
)

// Modes lists all modes.
var Modes = []string{Auto, Bar, Plain, None}

// The first plain line appears soon enough to show that something happens; later ones are
// rare enough not to fill a log.
const (
	firstLine = 10 * time.Second
	laterLine = time.Minute
	redraw    = 100 * time.Millisecond

	// Shorter waits are not mentioned, and the reason of a wait is not repeated within
	// the longer time.
	shortWait = 3 * time.Second
	sameWait  = 20 * time.Second
)

// Meter shows progress on w. Its methods may be called from several goroutines.
type Meter struct {
	name string
	w    io.Writer
	mode string
	unit string

	mu            sync.Mutex
	total         int
	bound         bool // total is only an upper bound
	done, failed  int
	kept          int // of done, those that took no time
	began, spoken time.Time
	bar           string // the line shown
	waits         func() (until time.Time, why string)
	waiting       wait
	told          wait // the last wait that a plain line mentioned
	status        status
	toldStatus    string // the last one that a plain line mentioned
	spends        func() string
	stop          chan struct{}
	stopOnce      sync.Once
	stopped       sync.WaitGroup
}

// wait says why nothing happens and until when. It is zero if something does.
type wait struct {
	since, until time.Time
	why          string
}

// String describes the wait, or returns "" if it is too short.
func (w wait) String() string {
	if w.why == "" || w.until.Sub(w.since) < shortWait {
		return ""
	}
	return fmt.Sprintf("waiting until %s: %s", clock(w.since, w.until), w.why)
}

// clock returns the time of day, and the day if it is not that of now.
func clock(now, t time.Time) string {
	layout := time.TimeOnly
	if y, m, d := now.Date(); t.After(time.Date(y, m, d+1, 0, 0, 0, 0, now.Location())) {
		layout = "2006-01-02 15:04"
	}
	return t.Format(layout)
}

// status says how something stands that others work on.
type status struct {
	long, short string
	next        time.Time // when it is checked again; zero if never
}

// text returns one of the forms with the time of the next check behind the given words.
func (s status) text(now time.Time, form, words string) string {
	if s.next.IsZero() {
		return form
	}
	return form + ", " + words + " " + clock(now, s.next)
}

// New returns a meter of rows that writes to w, each line prefixed with name. The caller
// closes it.
func New(w io.Writer, name, mode string) *Meter { return NewOf("rows", w, name, mode) }

// NewOf returns a meter of other units, such as sentences.
func NewOf(unit string, w io.Writer, name, mode string) *Meter {
	if mode == Auto {
		mode = Plain
		if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && redraws() {
			mode = Bar
		}
	}
	m := &Meter{name: name, w: w, mode: mode, unit: unit, began: time.Now(), stop: make(chan struct{})}
	if mode == Bar || mode == Plain {
		m.stopped.Go(m.loop)
	}
	return m
}

// redraws reports whether the bar may be redrawn. NO_COLOR and the C locale ask for plain
// text.
func redraws() bool {
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
	return os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == "" && locale != "C" && locale != "POSIX"
}

// Total sets the number of units.
func (m *Meter) Total(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total, m.bound = n, false
}

// AtMost sets an upper bound on the number of units. It does nothing once the total is
// known.
func (m *Meter) AtMost(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.total == 0 || m.bound {
		m.total, m.bound = n, true
	}
}

// Kept counts a unit that was done before this run and took no time.
func (m *Meter) Kept() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done++
	m.kept++
}

// Done counts a unit that was done now.
func (m *Meter) Done(failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done++
	if failed {
		m.failed++
	}
}

// Set sets the counts, for callers that don't count single units.
func (m *Meter) Set(done, failed int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done, m.failed = done, failed
}

// Waits makes the meter show why nothing happens if that lasts longer than a few seconds.
// of is called often; it returns the zero time if something happens.
func (m *Meter) Waits(of func() (until time.Time, why string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waits = of
}

// Status makes the meter show, in place of a rate, how work stands that others do: long,
// or short where there is no room for that, and the time of the next check, if it is not
// zero. A plain line appears whenever long changes.
func (m *Meter) Status(long, short string, next time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status = status{safetext.Line(long), safetext.Line(short), next}
	if m.mode == Plain && m.statusIsNews() {
		m.speak(time.Now())
	}
}

// Spends makes the meter show what the run has cost so far. of is called often; it returns
// an amount of money, or "" if there is nothing to show.
func (m *Meter) Spends(of func() string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spends = of
}

// spent returns what the run has cost so far, or "".
func (m *Meter) spent() string {
	if m.spends == nil {
		return ""
	}
	return m.spends()
}

// look asks why nothing happens.
func (m *Meter) look(now time.Time) {
	if m.waits == nil {
		return
	}
	until, why := m.waits()
	switch {
	case until.IsZero():
		m.waiting = wait{}
	case m.waiting.why != why:
		m.waiting = wait{now, until, why}
	default:
		m.waiting.until = until
	}
}

// Say prints a line without disturbing the bar.
func (m *Meter) Say(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wipe()
	fmt.Fprintf(m.w, "%s: %s\n", m.name, safetext.Line(line))
}

// Close stops the meter and removes the bar. It may be called repeatedly.
func (m *Meter) Close() {
	m.stopOnce.Do(func() { close(m.stop) })
	m.stopped.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wipe()
}

func (m *Meter) loop() {
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case now := <-tick.C:
			m.mu.Lock()
			m.look(now)
			if m.mode == Bar {
				m.draw(now)
			} else {
				m.speak(now)
			}
			m.mu.Unlock()
		}
	}
}

// most returns the prefix for the total, and for numbers derived from it, if the total is
// an upper bound.
func (m *Meter) most() string {
	if m.bound {
		return "up to "
	}
	return ""
}

// isNews reports whether a plain line should say why nothing happens.
func (m *Meter) isNews() bool {
	w, told := m.waiting, m.told
	return w.String() != "" && w.until.After(told.until.Add(shortWait)) && (w.why != told.why || w.since.Sub(told.since) >= sameWait)
}

// statusIsNews reports whether a plain line should tell the status. Its end is told by
// whoever waited for it.
func (m *Meter) statusIsNews() bool {
	return !m.status.next.IsZero() && m.status.long != m.toldStatus
}

func (m *Meter) speak(now time.Time) {
	early := m.spoken.IsZero() && now.Sub(m.began) < firstLine || !m.spoken.IsZero() && now.Sub(m.spoken) < laterLine
	if early && !m.isNews() && !m.statusIsNews() {
		return
	}
	m.spoken = now
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d", m.name, m.done)
	if m.total > 0 {
		fmt.Fprintf(&b, " of %s%d", m.most(), m.total)
	}
	b.WriteString(" " + m.unit)
	if m.kept > 0 {
		fmt.Fprintf(&b, ", %d answered earlier", m.kept)
	}
	if m.failed > 0 {
		fmt.Fprintf(&b, ", %d failed", m.failed)
	}
	if spent := m.spent(); spent != "" {
		fmt.Fprintf(&b, ", %s spent", spent)
	}
	if why := m.waiting.String(); why != "" {
		m.told = m.waiting
		fmt.Fprintf(&b, ", %s", why)
		fmt.Fprintln(m.w, safetext.Line(b.String()))
		return
	}
	if m.status.long != "" {
		m.toldStatus = m.status.long
		fmt.Fprintf(&b, ", %s", m.status.text(now, m.status.long, "next check at"))
		fmt.Fprintln(m.w, safetext.Line(b.String()))
		return
	}
	fmt.Fprintf(&b, ", %s", m.pace(now))
	if left := m.left(now); left != "" {
		fmt.Fprintf(&b, ", %s left", left)
	}
	fmt.Fprintln(m.w, safetext.Line(b.String()))
}

// rate returns how many units are done per second, kept ones excluded.
func (m *Meter) rate(now time.Time) float64 {
	return float64(m.done-m.kept) / max(now.Sub(m.began).Seconds(), 1e-9)
}

func (m *Meter) pace(now time.Time) string { return fmt.Sprintf("%.1f %s/s", m.rate(now), m.unit) }

// left returns the estimated time left, or "" if unknown.
func (m *Meter) left(now time.Time) string {
	rate := m.rate(now)
	if m.total <= m.done || rate <= 0 {
		return ""
	}
	left := time.Duration(float64(m.total-m.done) / rate * float64(time.Second))
	return cmp.Or(m.most(), "about ") + left.Round(time.Second).String()
}
