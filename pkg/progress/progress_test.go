package progress_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nertools/pkg/progress"
)

// screen is what a meter wrote, and when.
type screen struct {
	mu    sync.Mutex
	began time.Time
	text  bytes.Buffer
	at    []time.Duration
}

func newScreen() *screen { return &screen{began: time.Now()} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Since(s.began))
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) writes() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func TestPlainLinesComeSoonAndThenNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-run", progress.Plain)
		m.Total(1000)
		for range 200 {
			time.Sleep(time.Second)
			m.Done(false)
		}
		m.Done(true)
		time.Sleep(time.Minute)
		m.Close()
		got := fmt.Sprint(s.writes())
		if want := "[10s 1m10s 2m10s 3m10s 4m10s]"; got != want {
			t.Errorf("lines at %s, want %s\n%s", got, want, s)
		}
		lines := strings.Split(strings.TrimSuffix(s.String(), "\n"), "\n")
		if !strings.HasPrefix(lines[1], "ner-run: ") || !strings.Contains(lines[1], " of 1000 rows, 1.0 rows/s, about 15m") || strings.Contains(lines[1], "failed") {
			t.Errorf("got %q", lines[1])
		}
		if !strings.HasPrefix(lines[4], "ner-run: 201 of 1000 rows, 1 failed, 0.8 rows/s, about ") {
			t.Errorf("got %q", lines[4])
		}
	})
}

func TestWhatTheRunCostIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-run", progress.Plain)
		var spent atomic.Value // the meter asks for it in a goroutine of its own
		spent.Store("")
		m.Spends(func() string { return spent.Load().(string) })
		m.Total(1000)
		time.Sleep(11 * time.Second)
		m.Done(true)
		spent.Store("$0.0123")
		time.Sleep(time.Minute)
		m.Close()
		lines := strings.Split(s.String(), "\n")
		if strings.Contains(lines[0], "spent") || !strings.HasPrefix(lines[1], "ner-run: 1 of 1000 rows, 1 failed, $0.0123 spent, 0.0 rows/s") {
			t.Errorf("got %q", lines)
		}
		s = newScreen()
		m = progress.New(s, "ner-run", progress.Bar)
		m.Spends(func() string { return "$12.30" })
		m.Done(false)
		time.Sleep(time.Second)
		m.Close()
		if !strings.Contains(s.String(), " rows/s, $12.30)") {
			t.Errorf("got %q", s)
		}
	})
}

func TestShortRunSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-run", progress.Plain)
		m.Done(false)
		time.Sleep(9 * time.Second)
		m.Close()
		time.Sleep(time.Hour)
		if s.String() != "" {
			t.Errorf("got %q", s)
		}
	})
}

func TestPlainLineDoesWithoutATotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-run", progress.Plain)
		time.Sleep(11 * time.Second)
		m.Set(600, 3)
		time.Sleep(60 * time.Second)
		m.Close()
		if got, want := s.String(), "ner-run: 0 rows, 0.0 rows/s\nner-run: 600 rows, 3 failed, 8.6 rows/s\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestWhatWasAnsweredEarlierDoesNotSpoilTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-run", progress.Plain)
		m.Total(1000)
		for range 900 {
			m.Kept()
		}
		for range 20 {
			time.Sleep(490 * time.Millisecond)
			m.Done(false)
		}
		time.Sleep(time.Second)
		m.Close()
		// 1 row in half a second, 80 are left.
		if got, want := s.String(), "ner-run: 920 of 1000 rows, 900 answered earlier, 2.0 rows/s, about 40s left\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestABoundIsShownAsOneUntilTheTotalIsKnown(t *testing.T) {
	for _, mode := range []string{progress.Plain, progress.Bar} {
		synctest.Test(t, func(t *testing.T) {
			s := newScreen()
			m := progress.New(s, "ner-run", mode)
			m.AtMost(148)
			m.AtMost(140)
			m.Done(false)
			time.Sleep(11 * time.Second)
			bounded := map[string]string{progress.Plain: "ner-run: 1 of up to 140 rows, 0.1 rows/s, up to 23m10s left\n", progress.Bar: "ner-run (or fewer)"}[mode]
			if got := s.String(); !strings.Contains(got, bounded) {
				t.Errorf("got %q, want %q", got, bounded)
			}
			m.Total(40)
			m.AtMost(130) // of what is read later
			before := len(s.String())
			time.Sleep(time.Minute)
			known := map[string]string{progress.Plain: "ner-run: 1 of 40 rows, 0.0 rows/s, about ", progress.Bar: "(1/40"}[mode]
			if got := s.String()[before:]; !strings.Contains(got, known) || strings.Contains(got, "130") || strings.Contains(got, "up to") || strings.Contains(got, "fewer") {
				t.Errorf("got %q, want %q", got, known)
			}
			m.Close()
		})
	}
}

func TestAutoIsPlainElsewhereThanOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-run", progress.Auto)
		time.Sleep(11 * time.Second)
		m.Close()
		if got := s.String(); got != "ner-run: 0 rows, 0.0 rows/s\n" {
			t.Errorf("got %q", got)
		}
	})
}

func TestNoneIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-run", progress.None)
		m.Total(10)
		m.Done(true)
		m.Set(5, 1)
		time.Sleep(time.Hour)
		m.Close()
		if s.String() != "" {
			t.Errorf("got %q", s)
		}
	})
}

func TestSayPrintsItsLineInEveryMode(t *testing.T) {
	for _, mode := range progress.Modes {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScreen()
				m := progress.New(s, "ner-run", mode)
				m.Total(10)
				m.Done(false)
				m.Say("first")
				time.Sleep(time.Second)
				m.Say("second")
				m.Close()
				m.Say("third")
				for _, line := range []string{"first", "second", "third"} {
					if !strings.Contains(s.String(), "ner-run: "+line+"\n") {
						t.Errorf("no line %q in %q", line, s)
					}
				}
				// The bar was taken away before the line was put in its place.
				if before, _, _ := strings.Cut(s.String(), "ner-run: second"); mode == progress.Bar && !strings.HasSuffix(before, " \r") {
					t.Errorf("got %q", before)
				}
				if !strings.HasSuffix(s.String(), "ner-run: third\n") || mode != progress.Bar && s.String() != "ner-run: first\nner-run: second\nner-run: third\n" {
					t.Errorf("got %q", s)
				}
			})
		})
	}
}

func TestBarShowsHowFarTheRunIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-run", progress.Bar)
		defer m.Close()
		m.Set(45, 0) // before the total is known
		time.Sleep(time.Second)
		m.Total(90)
		m.Set(60, 7)
		time.Sleep(time.Second)
		if got := s.String(); !strings.Contains(got, "ner-run (7 failed)") || !strings.Contains(got, "(60/90") || !strings.Contains(got, "66%") {
			t.Errorf("got %q", got)
		}
		m.Set(90, 7)
		time.Sleep(time.Second)
		m.Set(95, 7) // more than there should be
		time.Sleep(time.Second)
	})
}

func TestBarDrawsNoMoreAfterClose(t *testing.T) {
	for _, total := range []int{0, 10} {
		synctest.Test(t, func(t *testing.T) {
			s := newScreen()
			m := progress.New(s, "ner-run", progress.Bar)
			m.Total(total)
			m.Done(false)
			time.Sleep(time.Second)
			m.Close()
			end := s.String()
			if !strings.HasSuffix(end, " \r") {
				t.Errorf("total %d: the bar is still there: %q", total, end)
			}
			time.Sleep(time.Minute)
			if s.String() != end {
				t.Errorf("total %d: went on with %q", total, strings.TrimPrefix(s.String(), end))
			}
		})
	}
}

func TestCloseMayBeCalledAgain(t *testing.T) {
	for _, mode := range progress.Modes {
		m := progress.New(newScreen(), "ner-run", mode)
		var all sync.WaitGroup
		for range 4 {
			all.Go(m.Close)
		}
		all.Wait()
		m.Close()
	}
}

type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errors.New("the terminal is gone") }

func TestTerminalThatIsGoneIsNobodysLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, mode := range progress.Modes {
			m := progress.New(gone{}, "ner-run", mode)
			m.Total(3)
			m.Done(false)
			m.Say("x")
			time.Sleep(20 * time.Second)
			m.Close()
		}
	})
}

func TestManyMayReportAtOnce(t *testing.T) {
	for _, mode := range []string{progress.Bar, progress.Plain} {
		synctest.Test(t, func(t *testing.T) {
			m := progress.New(newScreen(), "ner-run", mode)
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					for n := range 50 {
						m.Done(n%7 == 0)
						m.Total(100 * i)
						if n%20 == 0 {
							m.Say("x")
						}
						time.Sleep(30 * time.Millisecond)
					}
				})
			}
			all.Wait()
			m.Close()
		})
	}
}

func TestAWaitIsShownWithItsReasonAndItsEnd(t *testing.T) {
	for _, mode := range []string{progress.Plain, progress.Bar} {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScreen()
				m := progress.New(s, "ner-run", mode)
				m.Total(148)
				m.Done(false)
				began := time.Now()
				from, to := began.Add(2*time.Second), began.Add(32*time.Second)
				m.Waits(func() (time.Time, string) {
					if now := time.Now(); now.Before(from) || !now.Before(to) {
						return time.Time{}, ""
					}
					return to, "the service asks for a pause"
				})
				time.Sleep(5 * time.Second)
				if want := "waiting until " + to.Format(time.TimeOnly) + ": the service asks for a pause"; !strings.Contains(s.String(), want) {
					t.Errorf("got %q, want %q", s, want)
				}
				time.Sleep(30 * time.Second)
				during := len(s.String())
				time.Sleep(40 * time.Second)
				m.Close()
				if after := s.String()[during:]; strings.Contains(after, "waiting") {
					t.Errorf("it still says so afterwards: %q", after)
				}
				if n := strings.Count(s.String(), "waiting"); mode == progress.Plain && n != 1 {
					t.Errorf("it was said %d times: %q", n, s)
				}
			})
		})
	}
}

func TestAShortWaitIsNotMentionedAndManyAreNotEach(t *testing.T) {
	for length, want := range map[time.Duration]int{time.Second: 0, 4 * time.Second: 4} {
		synctest.Test(t, func(t *testing.T) {
			s := newScreen()
			m := progress.New(s, "ner-run", progress.Plain)
			began := time.Now()
			m.Waits(func() (time.Time, string) {
				cycle := length + time.Second
				since := time.Since(began)
				if since%cycle >= length {
					return time.Time{}, ""
				}
				return began.Add(since / cycle * cycle).Add(length), "the service refuses every call"
			})
			time.Sleep(time.Minute)
			m.Close()
			if n := strings.Count(s.String(), "waiting"); n > want || want > 0 && n == 0 {
				t.Errorf("waits of %v were mentioned %d times: %q", length, n, s)
			}
		})
	}
}

func TestAWaitBeyondTodayTellsItsDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-run", progress.Plain)
		until := time.Now().Add(50 * time.Hour)
		m.Waits(func() (time.Time, string) { return until, "your limit per minute" })
		time.Sleep(time.Second)
		m.Close()
		if want := "waiting until " + until.Format("2006-01-02 15:04") + ": "; !strings.Contains(s.String(), want) {
			t.Errorf("got %q, want %q", s, want)
		}
	})
}

func TestAPlainLineTellsEachStatusAtOnceAndThenNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		m := progress.New(s, "ner-batch", progress.Plain)
		m.Total(148)
		for i := range 120 { // a check a second
			m.Set(i, 1)
			status := "batch_1 validating"
			if i >= 30 {
				status = "batch_1 in_progress"
			}
			m.Status(status, status, time.Now().Add(time.Second))
			time.Sleep(time.Second)
		}
		m.Status("batch_1 completed", "completed", time.Time{}) // the end needs no line
		m.Close()
		began := time.Now().Add(-120 * time.Second)
		want := "ner-batch: 0 of 148 rows, 1 failed, batch_1 validating, next check at " + began.Add(time.Second).Format(time.TimeOnly) + "\n" +
			"ner-batch: 30 of 148 rows, 1 failed, batch_1 in_progress, next check at " + began.Add(31*time.Second).Format(time.TimeOnly) + "\n"
		if got := s.String(); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 3 || strings.Contains(got, "rows/s") {
			t.Errorf("got %q, want %q and one more line", got, want)
		}
	})
}
