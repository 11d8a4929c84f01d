package progress

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"nertools/pkg/safetext"
)

const (
	usualWidth  = 80 // if the terminal does not report its width
	shortestBar = 10
	longestBar  = 40
)

// width returns the terminal's current width in columns.
func (m *Meter) width() int {
	if f, ok := m.w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return usualWidth
}

// draw overwrites the bar. It leaves the last column free, because many terminals start a
// new line once it is written to.
func (m *Meter) draw(now time.Time) {
	room := m.width() - 1
	line := m.line(now, room)
	if line == m.bar {
		return
	}
	rest := min(uniseg.StringWidth(m.bar), room) - uniseg.StringWidth(line)
	fmt.Fprint(m.w, "\r"+line+strings.Repeat(" ", max(rest, 0))) // it does not matter if the terminal is gone
	m.bar = line
}

// wipe removes the bar until it is drawn again.
func (m *Meter) wipe() {
	if n := min(uniseg.StringWidth(m.bar), m.width()-1); n > 0 {
		fmt.Fprint(m.w, "\r"+strings.Repeat(" ", n)+"\r")
	}
	m.bar = ""
}

// line returns the bar in the longest form that fits into room columns. It is ASCII
// except for the reason of a wait.
func (m *Meter) line(now time.Time, room int) string {
	asked, done := m.total-m.kept, m.done-m.kept // kept rows took no time and would distort the rate
	counted, percent := fmt.Sprint(done), ""
	if asked > 0 {
		counted = fmt.Sprintf("%d/%d", done, asked)
		percent = fmt.Sprintf(" %d%%", min(100*done/asked, 100))
	}
	name := m.name
	if notes := m.notes(); notes != "" {
		name += " (" + notes + ")"
	}
	if why := m.waiting.String(); why != "" {
		why = ", " + safetext.Line(why)
		return fitting(room, name+percent+" ("+counted+")"+why, m.name+percent+" ("+counted+")"+why, strings.TrimSpace(percent+" ("+counted+")"+why))
	}
	if m.status.long != "" {
		return m.statusLine(now, room, name+percent, percent, counted)
	}
	end := counted + ", " + m.pace(now)
	costly := end
	if spent := m.spent(); spent != "" {
		costly += ", " + spent
	}
	if left := m.left(now); left != "" {
		for _, end := range []string{costly, end} {
			whole := end + ", " + left + " left"
			if width := room - uniseg.StringWidth(name+percent+"  ("+whole+")"); width >= shortestBar {
				return name + percent + " " + bar(width, done, asked) + " (" + whole + ")"
			}
		}
	}
	return fitting(room, name+percent+" ("+costly+")", name+percent+" ("+end+")", m.name+percent+" ("+end+")", m.name+percent+" ("+counted+")", strings.TrimSpace(percent+" ("+counted+")"))
}

// bar returns a bar of at most width columns of which done of asked are full.
func bar(width, done, asked int) string {
	inner := min(width, longestBar) - 2
	full := min(inner*max(done, 0)/asked, inner)
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", inner-full) + "]"
}

// statusLine returns the bar of work that others do. head is its beginning.
func (m *Meter) statusLine(now time.Time, room int, head, percent, counted string) string {
	s := &m.status
	counted = "(" + counted + ")"
	whole := " " + counted + ", " + s.text(now, s.long, "next check")
	if width := room - uniseg.StringWidth(head+" "+whole); width >= shortestBar && m.total > m.kept {
		return head + " " + bar(width, m.done-m.kept, m.total-m.kept) + whole
	}
	percent = strings.TrimSpace(percent + " " + counted)
	return fitting(room, head+whole, percent+", "+s.text(now, s.long, "next check"), percent+", "+s.text(now, s.long, "next"),
		counted+", "+s.text(now, s.long, "next"), head+" "+counted+", "+s.text(now, s.short, "next check"),
		percent+", "+s.text(now, s.short, "next check"), percent+", "+s.text(now, s.short, "next"),
		counted+", "+s.text(now, s.short, "next"), percent+", "+s.short, percent, counted)
}

// notes returns remarks about the numbers.
func (m *Meter) notes() string {
	var notes []string
	if m.bound {
		notes = append(notes, "or fewer")
	}
	if m.kept > 0 {
		notes = append(notes, fmt.Sprintf("%d answered earlier", m.kept))
	}
	if m.failed > 0 {
		notes = append(notes, fmt.Sprintf("%d failed", m.failed))
	}
	return strings.Join(notes, ", ")
}

// fitting returns the first of lines that fits into room columns, or as much of the last
// one as fits.
func fitting(room int, lines ...string) string {
	for _, line := range lines {
		if uniseg.StringWidth(line) <= room {
			return line
		}
	}
	var b strings.Builder
	rest, state := lines[len(lines)-1], -1
	for rest != "" {
		var cluster string
		var width int
		cluster, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if room -= width; room < 0 {
			break
		}
		b.WriteString(cluster)
	}
	return b.String()
}
