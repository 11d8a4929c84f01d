package parallel_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"nertools/pkg/parallel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type block struct{ from, to int }

func whole() func(context.Context, int, int) (block, error) {
	return func(_ context.Context, from, to int) (block, error) { return block{from, to}, nil }
}

func TestEveryNumberIsHandedOnOnceInOrder(t *testing.T) {
	for _, c := range []struct{ n, size int }{{0, 1}, {1, 1}, {1, 10}, {10, 1}, {10, 3}, {1000, 7}, {9, 9}} {
		next := 0
		err := parallel.Do(t.Context(), c.n, c.size, whole, func(b block) error {
			if b.from != next || b.to <= b.from || b.to-b.from > c.size {
				t.Errorf("%v: block %v after %d", c, b, next)
			}
			next = b.to
			return nil
		})
		if err != nil || next != c.n {
			t.Errorf("%v: ended at %d with %v", c, next, err)
		}
	}
}

func TestTheFirstErrorEndsTheWork(t *testing.T) {
	broken := errors.New("broken")
	var put int
	err := parallel.Do(t.Context(), 1_000_000, 1, whole, func(b block) error {
		if put++; put == 5 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) || put != 5 {
		t.Errorf("put: %v after %d", err, put)
	}
	// What that makes of the workers is no matter.
	err = parallel.Do(t.Context(), 100, 1, func() func(context.Context, int, int) (int, error) {
		return func(ctx context.Context, from, _ int) (int, error) {
			if from > 0 {
				<-ctx.Done()
				return 0, errors.New("stopped")
			}
			return 0, nil
		}
	}, func(int) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("put, and then a worker: %v", err)
	}
	var worked atomic.Int64
	err = parallel.Do(t.Context(), 1_000_000, 1, func() func(context.Context, int, int) (int, error) {
		return func(_ context.Context, from, _ int) (int, error) {
			worked.Add(1)
			if from == 7 {
				return 0, broken
			}
			return from, nil
		}
	}, func(n int) error {
		if n >= 7 {
			t.Errorf("put %d", n)
		}
		return nil
	})
	if n := worked.Load(); !errors.Is(err, broken) || n > 10_000 {
		t.Errorf("work: %v after %d", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := parallel.Do(ctx, 3, 1, whole, func(block) error { t.Error("put after the end"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	put = 0
	err = parallel.Do(ctx, 1_000_000, 1, whole, func(block) error {
		if put++; put == 5 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || put > 10_000 {
		t.Errorf("cancelled: %v after %d", err, put)
	}
}
