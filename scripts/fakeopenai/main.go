// Command fakeopenai serves the simulated OpenAI API of package openaitest on
// loopback, for scripts, demonstrations and benchmarks. It is not the real
// service and no model stands behind it: an answer marks what the prompt's own
// demonstrations mark, a question about a phrase is answered as they are, and an
// embedding is made of hashed words and trigrams.
//
//	fakeopenai --addr-file url.txt --with-parent &
//	until [ -s url.txt ]; do sleep 0.1; done
//	export OPENAI_API_KEY=sk-any OPENAI_BASE_URL="$(cat url.txt)"
//
// Given a command, it serves for as long as that runs, which finds the API by
// its environment:
//
//	fakeopenai --quiet -- ner-run prompts.jsonl > results.jsonl
//
// With --faults it goes wrong as the rules in a file say, such as
//
//	[{"kind": "status", "status": 503, "times": 1, "per_prompt": true},
//	 {"kind": "reset", "contains": "Berlin", "rate": 0.1}]
//
// which fails the first call of each prompt, and then resets a tenth of the
// calls about Berlin. The fields are those of openaitest.Fault. Rules about files
// and batches stand in the same array:
//
//	[{"kind": "lost_answer", "op": "createBatch", "times": 1},
//	 {"kind": "late_batch", "after": "3s", "times": 1},
//	 {"kind": "reset_mid_body", "op": "downloadFile", "times": 2},
//	 {"kind": "batch_expire", "rows": 100, "contains": "\"part\":\"2\""}]
//
// loses the answer to the first creation of a batch, answers the next with 504 and
// makes its batch appear 3 seconds later, breaks two downloads in the middle, and
// lets a batch with part 2 in its metadata expire after 100 rows.
//
// # Batches
//
// A batch takes as long as --validating, --in-progress, --per-row, --finalizing
// and --cancelling say: without them it is complete at the first look. With
// --state the files and batches are kept in a folder, so that a fakeopenai that is
// started again, or killed with -9 in between, continues with them.
//
// A script drives the clock, the batches and the ledger by calls that need no key
// and are not logged; SIM is the published URL without its /v1:
//
//	curl -X POST "$SIM/_sim/advance?d=25h"                           # put the clock forward
//	curl "$SIM/_sim/now"                                             # the clock
//	curl -X POST "$SIM/_sim/batches/$id/state?to=expired&rows=100"   # end a batch after 100 rows
//	curl "$SIM/_sim/billed"                                          # how often each prompt was billed
//	curl "$SIM/_sim/bills"                                           # every bill, as a line of JSON
//
// They are described with package openaitest.
//
// # Exit
//
// It exits with 0 when it was told to stop, with 2 on a bad command line, and
// with 1 if anything else fails; after a command, with the command's own code,
// or with 1 if the command had to be ended (--max-life, --with-parent).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"nertools/pkg/clidoc"
	"nertools/pkg/english"
	"nertools/pkg/openaitest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newApp(os.Stderr).RunContext(ctx, os.Args)
	stop()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok && ended.Exited() {
		os.Exit(ended.ExitCode())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "fakeopenai: %v\n", err)
		code := 1
		if usage, ok := errors.AsType[cli.ExitCoder](err); ok {
			code = usage.ExitCode()
			fmt.Fprintln(os.Stderr, "fakeopenai: see fakeopenai --help")
		}
		os.Exit(code)
	}
}

func newApp(stderr io.Writer) *cli.App {
	wrong := func(err error) error { return cli.Exit(err, 2) }
	app := &cli.App{
		Name:           "fakeopenai",
		Usage:          "serve a simulated OpenAI API on loopback",
		UsageText:      "fakeopenai --quiet -- ner-run prompts.jsonl > results.jsonl",
		ArgsUsage:      "[-- COMMAND]",
		ErrWriter:      stderr,
		ExitErrHandler: func(*cli.Context, error) {}, // main reports
		OnUsageError: func(c *cli.Context, err error, _ bool) error {
			return wrong(errors.New(clidoc.Explain(err, c.Command.Flags, os.Args)))
		},
		Flags: slices.Concat(
			clidoc.Group("the server",
				&cli.StringFlag{Name: "addr", Value: "127.0.0.1:0", Usage: "listen on loopback `HOST:PORT`; port 0 takes a free one"},
				&cli.StringFlag{Name: "addr-file", Usage: "write the base URL to `FILE` while the API listens"},
				&cli.StringFlag{Name: "log", Usage: "append every call to `FILE` as a line of JSON"},
				&cli.BoolFlag{Name: "keep-bodies", Usage: "put the request bodies into the log"},
				&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "say nothing unless something fails"},
				&cli.DurationFlag{Name: "max-life", Value: time.Hour, Usage: "exit after `TIME`, so that nothing is left behind"},
				&cli.BoolFlag{Name: "with-parent", Usage: "exit when the parent process is gone (not on Windows)"},
			),
			clidoc.Group("how calls have to come",
				&cli.StringFlag{Name: "base-path", Usage: "serve the API under `PATH`, not under /v1"},
				&cli.StringFlag{Name: "require-query", Usage: "answer 404 to addresses without the parameter `NAME`"},
				&cli.StringFlag{Name: "key-header", Usage: "expect the key in the header `NAME` alone; none refuses keys"},
				&cli.StringSliceFlag{Name: "require-header", Usage: "refuse calls without the header `NAME:VALUE`"},
				&cli.StringFlag{Name: "key", EnvVars: []string{"FAKEOPENAI_KEY"}, Usage: "accept only `KEY`; without it any key that isn't empty"},
			),
			clidoc.Group("answers",
				&cli.StringFlag{Name: "answer", Value: "baseline", Usage: "answer with `TEXT`; baseline marks what demonstrations mark"},
				&cli.StringSliceFlag{Name: "models", Usage: "know only the models `A,B`"},
				&cli.BoolFlag{Name: "real-models", Usage: "let models refuse what the real ones refuse, and reason"},
				&cli.IntFlag{Name: "cut-prompts", Usage: "read only `N` tokens of each prompt; 0 reads all"},
				&cli.DurationFlag{Name: "latency", Usage: "take `TIME` for each answer, such as 300ms"},
				&cli.DurationFlag{Name: "jitter", Usage: "take up to `TIME` longer"},
				&cli.Uint64Flag{Name: "seed", Usage: "draw jitter and random faults with seed `NUMBER`"},
				&cli.StringSliceFlag{Name: "header", Usage: "add the header `NAME:VALUE` to completions and embeddings"},
				&cli.StringFlag{Name: "faults", Usage: "cause the faults that `FILE` describes, a JSON array"},
			),
			clidoc.Group("limits",
				&cli.IntFlag{Name: "rpm", Usage: "allow `N` requests a minute; 0 is no limit"},
				&cli.IntFlag{Name: "tpm", Usage: "allow `N` tokens a minute; 0 is no limit"},
				&cli.IntFlag{Name: "rpd", Usage: "allow `N` requests a day, in place of --rpm"},
				&cli.DurationFlag{Name: "period", Usage: "let --rpm and --tpm count for `TIME`, not for a minute"},
				&cli.BoolFlag{Name: "windows", Usage: "renew --rpm and --tpm at the end of each period, not steadily"},
				&cli.StringFlag{Name: "hints", Value: "all", Usage: "show limits `WHERE`: all (headers), message (of refusals) or nothing"},
				&cli.IntFlag{Name: "max-in-flight", Usage: "refuse calls while more than `N` are in flight; 0 is no limit"},
			),
			clidoc.Group("batches and files",
				&cli.StringFlag{Name: "state", Usage: "keep files, batches and bills in `DIR`, and continue with them"},
				&cli.DurationFlag{Name: "processing", Usage: "keep an upload pending, and out of batches, for `TIME`"},
				&cli.DurationFlag{Name: "validating", Usage: "let the validation of a batch take `TIME`"},
				&cli.DurationFlag{Name: "in-progress", Usage: "let a batch be in progress for `TIME`"},
				&cli.DurationFlag{Name: "per-row", Usage: "let a batch be in progress for `TIME` longer with each row"},
				&cli.DurationFlag{Name: "finalizing", Usage: "let a batch that is done be finalizing for `TIME`"},
				&cli.DurationFlag{Name: "cancelling", Usage: "let a batch be cancelling for `TIME`"},
				&cli.DurationFlag{Name: "window", Value: 24 * time.Hour, Usage: "expire batches after `TIME` (the API still reports 24h)"},
				&cli.IntFlag{Name: "enqueued-tokens", Usage: "queue at most `N` prompt tokens per model; 0 is no limit"},
				&cli.IntFlag{Name: "batches-per-hour", Usage: "allow `N` new batches an hour; 0 is no limit"},
				&cli.IntFlag{Name: "max-batch-lines", Usage: "let a batch have `N` requests; 0 is the service's 50000"},
				&cli.Int64Flag{Name: "max-batch-bytes", Usage: "let a batch's input have `N` bytes; 0 is the service's 209715200"},
				&cli.Int64Flag{Name: "max-upload-bytes", Usage: "let a file have `N` bytes; 0 is the service's 536870912"},
				&cli.BoolFlag{Name: "bad-rows-in-output", Usage: "put rows with HTTP errors into the output file, not the error file"},
				&cli.BoolFlag{Name: "in-order", Usage: "let a batch do its rows in the order of its input"},
				&cli.BoolFlag{Name: "empty-file-ids", Usage: "show a file that a batch doesn't have as \"\", not as null"},
				&cli.DurationFlag{Name: "list-delay", Usage: "list a new batch only after `TIME`"},
				&cli.BoolFlag{Name: "no-ranges", Usage: "send whole files only"},
				&cli.BoolFlag{Name: "loud-status", Usage: "show the status of a batch in upper case (PROGRESS: in_progress)"},
				&cli.BoolFlag{Name: "together", Usage: "take uploads and show new batches as Together does"},
				&cli.BoolFlag{Name: "redirects", Usage: "redirect downloads to localhost, which refuses credentials"},
				&cli.BoolFlag{Name: "text-dates", Usage: "show the dates of a batch as text"},
				&cli.StringFlag{Name: "errors-as", Usage: "show a batch's errors in the `FORM` text, list or object"},
			),
		),
		Action: func(c *cli.Context) error { return run(c, stderr) },
	}
	clidoc.Setup(app, "help", wrong)
	return app
}

// run serves until the context ends, max-life is over or the parent is gone; or
// until the command that it is given ends.
func run(c *cli.Context, stderr io.Writer) (err error) {
	parent := os.Getppid() // which may be gone as soon as it knows the address
	addrFile := c.String("addr-file")
	if addrFile != "" {
		// A reader must never find the address of an earlier run.
		if err := os.Remove(addrFile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove old address: %w", err)
		}
	}
	opt, closeLog, err := options(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()

	api, err := openaitest.Open(opt)
	if err != nil {
		return err
	}
	listener, err := listen(c.String("addr"))
	if err != nil {
		return err
	}
	defer listener.Close()

	say := func(format string, args ...any) {
		if !c.Bool("quiet") {
			fmt.Fprintf(stderr, "fakeopenai: "+format+"\n", args...)
		}
	}
	base := opt.BasePath
	if base == "" {
		base = "/v1"
	}
	url := "http://" + listener.Addr().String() + base
	if addrFile != "" {
		if err := publish(addrFile, url); err != nil {
			return err
		}
		defer os.Remove(addrFile)
	}
	say("simulated API on %s (not the real service)", url)

	outer := c.Context
	if c.Args().Present() {
		outer = context.WithoutCancel(outer) // signals are for the command
	}
	ctx, cancel := context.WithTimeoutCause(outer, c.Duration("max-life"),
		fmt.Errorf("%v are over (--max-life)", c.Duration("max-life")))
	defer cancel()
	if c.Bool("with-parent") {
		ctx = withParent(ctx, parent)
	}
	var failed error // of a command
	if c.Args().Present() {
		life := ctx
		var done context.CancelCauseFunc
		ctx, done = context.WithCancelCause(context.WithoutCancel(ctx))
		go func() {
			failed = command(life, url, c.Args().Slice())
			done(errors.New("the command has ended"))
		}()
	}
	if err := serve(ctx, listener, api); err != nil {
		return err
	}
	say("stopped: %v; %s, %d answered, at most %d at once, %s",
		context.Cause(ctx), english.Count(api.Calls(), "call"), api.Answered(), api.MaxInFlight(), english.Count(api.Connections(), "connection"))
	return errors.Join(failed, api.LogErr())
}

// serve answers until ctx ends; then it lets the calls at work finish and cuts
// those that wait.
func serve(ctx context.Context, listener net.Listener, api *openaitest.Server) error {
	server := &http.Server{Handler: api, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	api.Close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	<-failed
	return nil
}

// options turns the flags into options. The returned function closes the log.
func options(c *cli.Context) (openaitest.Options, func() error, error) {
	noLog := func() error { return nil }
	opt := openaitest.Options{
		Key:        c.String("key"),
		Models:     c.StringSlice("models"),
		RealModels: c.Bool("real-models"),
		CutPrompts: c.Int("cut-prompts"),
		Latency:    c.Duration("latency"),
		Jitter:     c.Duration("jitter"),
		Seed:       c.Uint64("seed"),
		Dir:        c.String("state"),
		RateLimits: openaitest.RateLimits{
			RPM:         c.Int("rpm"),
			TPM:         c.Int("tpm"),
			RPD:         c.Int("rpd"),
			Period:      c.Duration("period"),
			Windows:     c.Bool("windows"),
			MaxInFlight: c.Int("max-in-flight"),
		},
		Logging: openaitest.Logging{
			NoLog:      true, // a long run would fill the memory
			KeepBodies: c.Bool("keep-bodies"),
		},
		FileRules: openaitest.FileRules{
			MaxUploadBytes: c.Int64("max-upload-bytes"),
			NoRanges:       c.Bool("no-ranges"),
			Processing:     c.Duration("processing"),
			Redirects:      c.Bool("redirects"),
		},
		BatchRules: openaitest.BatchRules{
			Phases: openaitest.Phases{
				Validating: c.Duration("validating"),
				InProgress: c.Duration("in-progress"),
				PerRow:     c.Duration("per-row"),
				Finalizing: c.Duration("finalizing"),
				Cancelling: c.Duration("cancelling"),
				Window:     c.Duration("window"),
			},
			EnqueuedTokens:  c.Int("enqueued-tokens"),
			BatchesPerHour:  c.Int("batches-per-hour"),
			MaxBatchLines:   c.Int("max-batch-lines"),
			MaxBatchBytes:   c.Int64("max-batch-bytes"),
			BadRowsInOutput: c.Bool("bad-rows-in-output"),
			InOrder:         c.Bool("in-order"),
			ListDelay:       c.Duration("list-delay"),
		},
		Dialect: openaitest.Dialect{
			Headers:      map[string]string{},
			EmptyFileIDs: c.Bool("empty-file-ids"),
			LoudStatus:   c.Bool("loud-status"),
			TextDates:    c.Bool("text-dates"),
			Together:     c.Bool("together"),
			ErrorsAs:     c.String("errors-as"),
		},
		Door: openaitest.Door{
			BasePath: c.String("base-path"), Query: c.String("require-query"), KeyHeader: c.String("key-header"), Wants: map[string]string{},
		},
	}
	switch hints := openaitest.Hints(c.String("hints")); hints {
	case "all":
	case openaitest.HintMessage, openaitest.HintNothing:
		opt.Hints = hints
	default:
		return opt, noLog, cli.Exit(fmt.Sprintf("--hints must be all, message or nothing, not %q", hints), 2)
	}
	for _, header := range c.StringSlice("header") {
		name, value, ok := strings.Cut(header, ":")
		if !ok {
			return opt, noLog, cli.Exit(fmt.Sprintf("--header must be NAME:VALUE, not %q", header), 2)
		}
		opt.Headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	for _, header := range c.StringSlice("require-header") {
		name, value, _ := strings.Cut(header, ":")
		opt.Wants[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	if text := c.String("answer"); text != "baseline" {
		opt.Answer = openaitest.Fixed(text)
	}
	if file := c.String("faults"); file != "" {
		faults, err := readFaults(file)
		if err != nil {
			return opt, noLog, err
		}
		opt.Faults = faults
	}
	if file := c.String("log"); file != "" {
		log, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return opt, noLog, fmt.Errorf("open log: %w", err)
		}
		opt.LogTo = log
		return opt, log.Close, nil
	}
	return opt, noLog, nil
}

func readFaults(file string) ([]openaitest.Fault, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open faults: %w", err)
	}
	defer f.Close()
	faults, err := openaitest.ReadFaults(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return faults, nil
}

// listen refuses an address that others can reach: a simulation that takes any
// key has no business on a network.
func listen(addr string) (net.Listener, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("listen: %s is not a loopback address", addr)
	}
	listener, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return nil, err
	}
	return listener, nil
}

// publish puts the URL into file in one step, so that who waits for the file
// never reads half of it.
func publish(file, url string) error {
	temp, err := os.CreateTemp(filepath.Dir(file), ".addr-*")
	if err != nil {
		return fmt.Errorf("write address: %w", err)
	}
	_, err = fmt.Fprintln(temp, url)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		os.Remove(temp.Name())
		return fmt.Errorf("write address: %w", err)
	}
	return nil
}

// withParent returns a context that ends when another process than parent is
// this one's, which is what a system does when the parent is gone.
func withParent(ctx context.Context, parent int) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if os.Getppid() != parent {
					cancel(errors.New("the parent process is gone (--with-parent)"))
					return
				}
			}
		}
	}()
	return ctx
}
