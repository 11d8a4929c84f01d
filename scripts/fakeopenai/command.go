package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// grace is how long a command that is told to terminate may take for that.
const grace = 5 * time.Second

// command runs a command that finds the API at url by its environment, and
// returns when it has ended: with an *exec.ExitError if it failed. Ctrl-C is the
// command's own affair, as it reaches both; what only this process is told, to
// terminate, is passed on. When ctx ends, the command is told to terminate, and
// killed if it does not: the error gives the cause.
func command(ctx context.Context, url string, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+url, "OPENAI_API_KEY=sk-simulated")
	cutOff := false
	cmd.Cancel = func() error {
		err := cmd.Process.Signal(syscall.SIGTERM)
		cutOff = !errors.Is(err, os.ErrProcessDone)
		return err
	}
	cmd.WaitDelay = grace
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	defer signal.Stop(told)
	if err := cmd.Start(); errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("there is no command %s on the PATH", args[0])
	} else if err != nil {
		return fmt.Errorf("run a command: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-told:
			_ = cmd.Process.Signal(s) // it may have ended
		case err := <-ended:
			if cutOff {
				return fmt.Errorf("the command was ended: %w", context.Cause(ctx))
			}
			return err
		}
	}
}
