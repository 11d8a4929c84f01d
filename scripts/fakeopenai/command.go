package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// command runs a command that finds the API at url by its environment, and
// returns when it has ended: with an *exec.ExitError if it failed. Ctrl-C is the
// command's own affair, as it reaches both; what only this process is told, to
// terminate, is passed on. When ctx ends the command is told to terminate, and
// the error is the cause.
func command(ctx context.Context, url string, args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+url, "OPENAI_API_KEY=sk-simulated")
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	defer signal.Stop(told)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run a command: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	over := ctx.Done()
	for {
		select {
		case s := <-told:
			_ = cmd.Process.Signal(s) // it may have ended
		case <-over:
			over = nil
			_ = cmd.Process.Signal(syscall.SIGTERM)
		case err := <-ended:
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
}
