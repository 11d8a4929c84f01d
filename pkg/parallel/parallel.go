// Package parallel does work on all cores and delivers the results in order.
package parallel

import (
	"cmp"
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"nertools/pkg/fault"
)

// Do divides the numbers 0 to n-1 into blocks of size (the last may be smaller) and has
// them processed by as many workers as there are cores. newWorker is called once per
// worker; the function it returns is called from one goroutine only. put receives the
// results in the order of the blocks, in the calling goroutine. Workers are never more
// than a few blocks per core ahead of put.
//
// Do returns the first error of a worker, of put or of ctx, once all goroutines that it
// started have ended. If a worker panics, the error is a [*fault.Panic].
func Do[T any](ctx context.Context, n, size int, newWorker func() func(ctx context.Context, from, to int) (T, error), put func(T) error) error {
	type block struct {
		from int
		done chan T
	}
	workers := min(runtime.GOMAXPROCS(0), (n+size-1)/size)
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	todo := make(chan block)
	order := make(chan block, 2*workers)
	g.Go(fault.Catching(func() error {
		defer close(todo)
		defer close(order)
		for from := 0; from < n; from += size {
			b := block{from, make(chan T, 1)}
			for _, to := range []chan block{order, todo} {
				select {
				case to <- b:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	}))
	for range workers {
		g.Go(fault.Catching(func() error {
			work := newWorker()
			for b := range todo {
				t, err := work(ctx, b.from, min(b.from+size, n))
				if err != nil {
					return err
				}
				b.done <- t
			}
			return nil
		}))
	}
	var failed error // of put
	for b := range order {
		if ctx.Err() != nil { // select may have missed it
			break
		}
		select {
		case t := <-b.done:
			failed = put(t)
		case <-ctx.Done():
		}
		if failed != nil {
			cancel()
			break
		}
	}
	err := g.Wait()
	return cmp.Or(failed, err, outer.Err())
}
