// Package parallel does work on all cores and hands on what it gives in order.
package parallel

import (
	"cmp"
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"nertools/pkg/fault"
)

// Do cuts the numbers from 0 to n-1 into blocks of size, the last one may be
// smaller, and has each worked on by one of as many workers as there are cores:
// newWorker makes one, which is then called from one goroutine. put is called with
// what the workers give, in the order of the blocks, by the calling goroutine
// alone. Work is never more than a few blocks for each core ahead of put.
//
// Do returns the first error of a worker, of put or of ctx, when all goroutines
// that it started have ended. A worker that panics fails with a [*fault.Panic].
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
		if ctx.Err() != nil { // which select may not see
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
