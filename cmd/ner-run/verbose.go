package main

import (
	"context"
	"errors"
	"fmt"

	"nertools/pkg/pace"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

// An outspoken asker says why each call fails, whether or not another one follows.
type outspoken struct {
	retry.Asker
	say func(string)
}

func (o outspoken) Ask(ctx context.Context, path string, body []byte, read func([]byte) error) (pace.Limits, error) {
	limits, err := o.Asker.Ask(ctx, path, body, read)
	if e, ok := errors.AsType[*wire.Error](err); ok {
		o.say(fmt.Sprintf("a call failed: %s: %v", e.Class, err))
	}
	return limits, err
}
