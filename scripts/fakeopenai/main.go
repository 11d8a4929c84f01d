// Command fakeopenai serves the simulated OpenAI API of package openaitest on
// loopback, for scripts, demonstrations and benchmarks. It is not the real
// service and no model stands behind it: an answer marks what the prompt's own
// demonstrations mark.
//
//	fakeopenai --addr-file url.txt --with-parent &
//	until [ -s url.txt ]; do sleep 0.1; done
//	export OPENAI_API_KEY=sk-any OPENAI_BASE_URL="$(cat url.txt)"
//
// With --faults it goes wrong as the rules in a file say, such as
//
//	[{"kind": "status", "status": 503, "times": 1, "per_prompt": true},
//	 {"kind": "reset", "contains": "Berlin", "rate": 0.1}]
//
// which fails the first call of each prompt, and then resets a tenth of the
// calls about Berlin. The fields are those of openaitest.Fault.
//
// It exits with 0 when it was told to stop, with 2 on a bad command line, and
// with 1 if anything else fails.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"nertools/pkg/openaitest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newApp(os.Stderr).RunContext(ctx, os.Args)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "fakeopenai: %v\n", err)
		code := 1
		if usage := cli.ExitCoder(nil); errors.As(err, &usage) {
			code = usage.ExitCode()
		}
		os.Exit(code)
	}
}

func newApp(stderr io.Writer) *cli.App {
	return &cli.App{
		Name:            "fakeopenai",
		Usage:           "serve a simulated OpenAI API on loopback",
		HideHelpCommand: true,
		Writer:          stderr,
		ErrWriter:       stderr,
		ExitErrHandler:  func(*cli.Context, error) {}, // main reports
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return cli.Exit(err, 2) },
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "addr", Value: "127.0.0.1:0", Usage: "listen on loopback `HOST:PORT`; port 0 takes a free one"},
			&cli.StringFlag{Name: "addr-file", Usage: "write the base URL to `FILE` once the API listens, and remove it at the end"},
			&cli.DurationFlag{Name: "latency", Usage: "take `TIME` for each answer, such as 300ms"},
			&cli.DurationFlag{Name: "jitter", Usage: "take up to `TIME` longer"},
			&cli.Uint64Flag{Name: "seed", Usage: "repeat jitter and faults that depend on chance by `NUMBER`"},
			&cli.IntFlag{Name: "rpm", Usage: "allow `N` requests a minute; 0 is no limit"},
			&cli.IntFlag{Name: "tpm", Usage: "allow `N` tokens a minute; 0 is no limit"},
			&cli.IntFlag{Name: "max-in-flight", Usage: "refuse calls while more than `N` are in flight; 0 is no limit"},
			&cli.StringSliceFlag{Name: "models", Usage: "know only the models `A,B`"},
			&cli.StringFlag{Name: "key", EnvVars: []string{"FAKEOPENAI_KEY"}, Usage: "accept only `KEY`; without it any key that isn't empty"},
			&cli.StringFlag{Name: "faults", Usage: "go wrong as the rules in `FILE` say, a JSON array"},
			&cli.StringFlag{Name: "log", Usage: "append every call to `FILE` as a line of JSON"},
			&cli.BoolFlag{Name: "keep-bodies", Usage: "put the request bodies into the log"},
			&cli.StringFlag{Name: "answer", Value: "baseline", Usage: "answer with `TEXT`; baseline marks what the demonstrations mark"},
			&cli.BoolFlag{Name: "quiet", Usage: "say nothing unless something fails"},
			&cli.DurationFlag{Name: "max-life", Value: time.Hour, Usage: "exit after `TIME`, so that nothing is left behind"},
			&cli.BoolFlag{Name: "with-parent", Usage: "exit when the parent process is gone (not on Windows)"},
		},
		Action: func(c *cli.Context) error { return run(c, stderr) },
	}
}

// run serves until the context ends, max-life is over or the parent is gone.
func run(c *cli.Context, stderr io.Writer) (err error) {
	if c.Args().Present() {
		return cli.Exit(fmt.Sprintf("unexpected argument %q", c.Args().First()), 2)
	}
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
	url := "http://" + listener.Addr().String() + "/v1"
	if addrFile != "" {
		if err := publish(addrFile, url); err != nil {
			return err
		}
		defer os.Remove(addrFile)
	}
	say("simulated API on %s (not the real service)", url)

	ctx, cancel := context.WithTimeoutCause(c.Context, c.Duration("max-life"),
		fmt.Errorf("%v are over (--max-life)", c.Duration("max-life")))
	defer cancel()
	if c.Bool("with-parent") {
		ctx = withParent(ctx)
	}
	api := openaitest.New(opt)
	if err := serve(ctx, listener, api); err != nil {
		return err
	}
	say("stopped: %v; %d calls, %d answered, at most %d at once, %d connections",
		context.Cause(ctx), api.Calls(), api.Answered(), api.MaxInFlight(), api.Connections())
	return api.LogErr()
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
		Key:         c.String("key"),
		Models:      c.StringSlice("models"),
		Latency:     c.Duration("latency"),
		Jitter:      c.Duration("jitter"),
		Seed:        c.Uint64("seed"),
		RPM:         c.Int("rpm"),
		TPM:         c.Int("tpm"),
		MaxInFlight: c.Int("max-in-flight"),
		KeepBodies:  c.Bool("keep-bodies"),
		NoLog:       true, // a long run would fill the memory
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

// withParent returns a context that ends when another process becomes this
// one's parent, which is what a system does when the parent is gone.
func withParent(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	parent := os.Getppid()
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
