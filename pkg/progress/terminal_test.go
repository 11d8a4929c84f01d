//go:build unix

package progress_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/rivo/uniseg"

	"nertools/pkg/progress"
)

// terminal is a pseudo-terminal and what was written to it.
type terminal struct {
	tty  *os.File
	mu   sync.Mutex
	text strings.Builder
}

func openTerminal(t *testing.T, columns int) *terminal {
	t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	term := &terminal{tty: tty}
	term.resize(t, columns)
	var reader sync.WaitGroup
	reader.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := ptmx.Read(buf)
			if err != nil {
				return
			}
			term.mu.Lock()
			term.text.Write(buf[:n])
			term.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		tty.Close()
		ptmx.Close()
		reader.Wait()
	})
	for name, value := range map[string]string{"TERM": "xterm", "NO_COLOR": "", "LC_ALL": "C.UTF-8"} {
		t.Setenv(name, value)
	}
	return term
}

func (term *terminal) resize(t *testing.T, columns int) {
	t.Helper()
	if err := pty.Setsize(term.tty, &pty.Winsize{Rows: 24, Cols: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
}

func (term *terminal) String() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.text.String()
}

// await waits until text was written behind the first from bytes.
func (term *terminal) await(t *testing.T, from int, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(term.String()[from:], text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %q in %q", text, term.String()[from:])
		}
	}
}

// lines are the lines that a terminal of so many columns shows, and the most columns
// that were ever written to.
func lines(text string, columns int) (shown []string, most int) {
	line, at := []rune(strings.Repeat(" ", columns)), 0
	end := func() {
		shown = append(shown, strings.TrimRight(string(line), " "))
		line, at = []rune(strings.Repeat(" ", columns)), 0
	}
	for _, r := range text {
		switch r {
		case '\r':
			at = 0
		case '\n':
			end()
		default:
			if at >= columns {
				end()
			}
			line[at] = r
			at += max(uniseg.StringWidth(string(r)), 1)
			most = max(most, at)
		}
	}
	end()
	return shown, most
}

func TestTheBarFitsTerminalsOfEveryWidth(t *testing.T) {
	for columns, want := range map[int][]string{
		12:  {"60/148"},
		20:  {"40% (60/148)"},
		40:  {"ner-run 40% (60/148, "},
		80:  {"ner-run (or fewer, 7 failed) 40% (60/148, "},
		200: {"ner-run (or fewer, 7 failed) 40% [", "####", "] (60/148, ", "rows/s, up to ", "left)"},
	} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			term := openTerminal(t, columns)
			m := progress.New(term.tty, "ner-run", progress.Auto)
			defer m.Close()
			m.AtMost(148)
			m.Set(60, 7)
			for _, part := range want {
				term.await(t, 0, part)
			}
			from := len(term.String())
			m.Waits(func() (time.Time, string) {
				return time.Now().Add(time.Hour), "the service says 过载 und außer Betrieb, again and again and again"
			})
			if columns >= 40 {
				term.await(t, from, "waiting until ")
			}
			m.Say("a line")
			m.Close()
			// Closing has to have come through as well.
			m.Say("the end")
			term.await(t, 0, "the end\r\n")
			shown, most := lines(term.String(), columns)
			if got := strings.Join(shown, "|"); got != "ner-run: a line|ner-run: the end|" && columns >= 20 {
				t.Errorf("the terminal shows %q", got)
			}
			if columns >= 20 && most >= columns {
				t.Errorf("%d columns were written to: %q", most, term)
			}
		})
	}
}

func TestTheBarShowsAStatusInTheLongestFormThatFits(t *testing.T) {
	const long, short = "batch_67a1b2c3d4e5f60718293a4b5c6d7e8f in_progress", "in_progress"
	next := time.Now()
	at := next.Format(time.TimeOnly)
	for columns, want := range map[int]string{
		12:  "(18/148)",
		30:  "12% (18/148), in_progress",
		40:  "(18/148), in_progress, next " + at,
		50:  "12% (18/148), in_progress, next check " + at,
		80:  "12% (18/148), " + long + ", next " + at,
		90:  "12% (18/148), " + long + ", next check " + at,
		110: "ner-batch (3 failed) 12% (18/148), " + long + ", next check " + at,
		160: "] (18/148), " + long + ", next check " + at,
	} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			term := openTerminal(t, columns)
			m := progress.New(term.tty, "ner-batch", progress.Auto)
			m.Total(148)
			m.Set(18, 3)
			m.Status(long, short, next)
			term.await(t, 0, want)
			m.Close()
			m.Say("the end")
			term.await(t, 0, "the end\r\n")
			if _, most := lines(term.String(), columns); most > columns {
				t.Errorf("%d columns were written to: %q", most, term)
			}
		})
	}
}

func TestTheBarFollowsTheWidthOfTheTerminal(t *testing.T) {
	term := openTerminal(t, 120)
	m := progress.New(term.tty, "ner-run", progress.Auto)
	defer m.Close()
	m.Total(148)
	m.Set(60, 0)
	term.await(t, 0, "#")
	for _, columns := range []int{40, 20, 90} {
		term.resize(t, columns)
		// What is drawn at this moment may still be of the old width.
		from := len(term.String())
		m.Set(61+columns, 0)
		term.await(t, from, fmt.Sprintf("(%d/148", 61+columns))
		from = len(term.String())
		m.Set(62+columns, 0)
		term.await(t, from, fmt.Sprintf("(%d/148", 62+columns))
		if _, most := lines(term.String()[from:], columns+100); most >= columns {
			t.Errorf("at %d columns %d were written to: %q", columns, most, term.String()[from:])
		}
	}
}

func TestATerminalThatShouldNotBeDrawnOnGetsPlainLines(t *testing.T) {
	for name, env := range map[string][2]string{
		"a dumb terminal":  {"TERM", "dumb"},
		"no colours":       {"NO_COLOR", "1"},
		"the C locale":     {"LC_ALL", "C"},
		"the POSIX locale": {"LC_ALL", "POSIX"},
	} {
		t.Run(name, func(t *testing.T) {
			term := openTerminal(t, 80)
			t.Setenv(env[0], env[1])
			m := progress.New(term.tty, "ner-run", progress.Auto)
			m.Total(148)
			m.Set(60, 0)
			// A wait is shown at once as a plain line, too.
			m.Waits(func() (time.Time, string) { return time.Now().Add(time.Hour), "the service asks for a pause" })
			term.await(t, 0, "ner-run: 60 of 148 rows, waiting until ")
			m.Close()
			m.Say("the end")
			term.await(t, 0, "the end\r\n")
			if text := strings.ReplaceAll(term.String(), "\r\n", "\n"); strings.ContainsAny(text, "\r\x1b#") {
				t.Errorf("got %q", text)
			}
		})
	}
}
