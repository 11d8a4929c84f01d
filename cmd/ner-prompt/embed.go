package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/service"
	"nertools/pkg/embedding"
	"nertools/pkg/fault"
	"nertools/pkg/knn"
	"nertools/pkg/pace"
	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

const embeddingModel = "text-embedding-3-small"

var embeddingFlags = []cli.Flag{
	&cli.StringFlag{Category: "embedding", Name: "model", Value: embeddingModel, Usage: "ask this `MODEL` for embeddings"},
	&cli.IntFlag{Category: "embedding", Name: "dimensions", Usage: "ask for vectors of `N` numbers", DefaultText: "the model's own"},
	&cli.StringFlag{Category: "embedding", Name: "cache", Usage: "keep in `DIR` what was asked, by server (host and port), model, dimensions and text", DefaultText: "the user's cache directory"},
	&cli.IntFlag{Category: "embedding", Name: "workers", Aliases: []string{"j"}, Value: 4, Usage: "have `N` calls at work at once"},
}

// embeddings asks for the vectors of all sentences, those of the cache apart.
// They are there until they are closed.
func embeddings(c *cli.Context, search *knn.Search) (*embedding.Vectors, error) {
	flying := c.Int("workers")
	switch {
	case flying < 1:
		return nil, cmdline.UsageError("--workers %d: a number from 1", flying)
	case c.Int("dimensions") < 0:
		return nil, cmdline.UsageError("--dimensions %d: a number from 1", c.Int("dimensions"))
	}
	dir, err := cacheDir(c)
	if err != nil {
		return nil, err
	}
	client := onDemand{c: c, flying: flying}
	defer client.close()
	meter := progress.NewOf("sentences", c.App.ErrWriter, c.App.Name, c.String("progress"))
	cache := embedding.Cache{
		Dir: dir, Server: service.BaseURL(c), Model: cmp.Or(c.String("model"), embeddingModel), Dimensions: c.Int("dimensions"),
		Asker: &client, Flying: flying, Pacer: pace.New(pace.Config{Flying: flying, MaxRetries: 10}),
		Say: meter.Say, Progress: func(done, total int) { meter.Total(total); meter.Set(done, 0) },
	}
	vectors, err := cache.Get(c.Context, slices.Concat(search.Train.Texts, search.Source.Texts))
	meter.Close()
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Class == record.Auth {
		return nil, cmdline.Exit(cmdline.Key, err)
	}
	if err != nil {
		return nil, fmt.Errorf("get embeddings: %w", err)
	}
	cmdline.Say(c, "%d sentences asked, %d tokens; kept in %s", vectors.Asked, vectors.Usage.Prompt, dir)
	return vectors, nil
}

// onDemand makes the client for the first call: what is in the cache needs no key.
type onDemand struct {
	c      *cli.Context
	flying int

	once   sync.Once
	err    error
	client interface {
		embedding.Asker
		Close()
	}
}

func (o *onDemand) Ask(ctx context.Context, path string, body []byte, read func([]byte) error) (pace.Limits, error) {
	o.once.Do(func() { o.client, o.err = service.Client(o.c, o.flying) })
	if o.err != nil {
		return pace.Limits{}, o.err
	}
	return o.client.Ask(ctx, path, body, read)
}

func (o *onDemand) close() {
	if o.client != nil && o.err == nil {
		o.client.Close()
	}
}

func cacheDir(c *cli.Context) (string, error) {
	if dir := c.String("cache"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fault.WithHint(err, "name a directory with --cache DIR")
	}
	return filepath.Join(dir, "nertools", "embeddings"), nil
}
