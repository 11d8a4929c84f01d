package report

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A window is a headless Chromium.
type window struct{ ctx context.Context }

// browser starts one that ends with the test.
func browser(t testing.TB) *window {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed: the page can't be tested")
		}
		t.Skip("chromium is not installed: the page is not tested in a browser")
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(stop)
	ctx, _ = chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("stop chromium: %v", err)
		}
	})
	return &window{ctx}
}

// A tab is a page that is open, and what it did that it should not have done.
type tab struct {
	testing.TB
	ctx  context.Context
	file string // the page
	url  string

	mu     sync.Mutex
	faults []string
}

// open shows r in a new tab.
func (b *window) open(t testing.TB, r *Page) *tab {
	t.Helper()
	p := b.tab(t, "report.html")
	p.show(r)
	return p
}

// tab opens one for a file of that name, to be written; it ends with the test.
func (b *window) tab(t testing.TB, file string) *tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(b.ctx)
	t.Cleanup(stop)
	p := &tab{TB: t, ctx: ctx, file: filepath.Join(t.TempDir(), file)}
	p.url = "file://" + p.file
	err := chromedp.Listen(p.ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if e.Request.URL != p.url {
				p.fault("request for " + e.Request.URL)
			}
		case *runtime.EventConsoleAPICalled:
			p.fault("console: " + string(e.Type))
		case *runtime.EventExceptionThrown:
			p.fault(e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			p.fault(e.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	call(p, network.Enable, network.EnableParams{})
	call(p, log.Enable, cdp.Empty{})
	return p
}

// show writes r and opens it.
func (p *tab) show(r *Page) {
	p.Helper()
	p.write([]byte(page(p, r)))
}

func (p *tab) write(content []byte) {
	p.Helper()
	if err := os.WriteFile(p.file, content, 0o644); err != nil {
		p.Fatal(err)
	}
	p.do(chromedp.Navigate(p.url))
}

func (p *tab) fault(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, s)
}

// clean fails the test if the page asked for anything or complained.
func (p *tab) clean() {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.faults) > 0 {
		p.Errorf("the page is not clean:\n%s", strings.Join(p.faults, "\n"))
	}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.Fatal(err)
	}
}

func get[T any](p *tab, action chromedp.Action[T]) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.Fatal(err)
	}
	return value
}

func call[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.Helper()
	return get(p, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// eval gives the value of a JavaScript expression.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	return get(p, chromedp.Evaluate[T](expression))
}

// js runs JavaScript for what it does.
func (p *tab) js(code string) {
	p.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](code))
}

// press presses keys that type something, one for each letter.
func (p *tab) press(letters string) {
	p.Helper()
	for _, letter := range letters {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			key := input.DispatchKeyEventParams{Type: kind, Key: string(letter)}
			if kind == input.DispatchKeyEventTypeKeyDown {
				key.Text = key.Key
			}
			call(p, input.DispatchKeyEvent, key)
		}
	}
}

func (p *tab) size(width, height int64) {
	p.Helper()
	p.do(chromedp.EmulateViewport(width, height))
}

// until waits until a JavaScript expression is true.
func (p *tab) until(expression string) {
	p.Helper()
	for range 6000 {
		if eval[bool](p, expression) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.Fatalf("never: %s", expression)
}

// prefer sets what the system asks for: a medium ("" for a screen) and a theme.
func (p *tab) prefer(medium, theme string) {
	p.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	})
}

// shoot saves what can be seen, where -shots names a folder.
func (p *tab) shoot(name string) {
	p.Helper()
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), get(p, chromedp.CaptureScreenshot()), 0o644); err != nil {
		p.Fatal(err)
	}
}
