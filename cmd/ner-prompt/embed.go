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
	"time"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/service"
	"nertools/pkg/embedding"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/knn"
	"nertools/pkg/pace"
	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

const embeddingModel = "text-embedding-3-small"

type embedOptions struct {
	model      string
	dimensions int // 0 for the model's default
	cache      string
	workers    int
	service    service.Options
}

func (o *embedOptions) flags() []cli.Flag {
	const category = "embedding"
	return append(o.service.Flags(),
		&cli.StringFlag{Category: category, Name: "model", Value: embeddingModel, Destination: &o.model, Usage: "ask this `MODEL` for embeddings"},
		&cli.IntFlag{Category: category, Name: "dimensions", DefaultText: "the model's own", Destination: &o.dimensions, Action: cmdline.AtLeast("dimensions", 0), Usage: "ask for vectors with `N` dimensions"},
		&cli.StringFlag{Category: category, Name: "cache", DefaultText: "the user's cache directory", Destination: &o.cache, Usage: "keep embeddings in `DIR`, and request only missing ones"},
		&cli.IntFlag{Category: category, Name: "workers", Aliases: []string{"j"}, Value: 4, Destination: &o.workers, Action: cmdline.AtLeast("workers", 1), Usage: "make up to `N` calls at once"},
	)
}

// embeddings returns the vectors of all sentences, requesting those that are not in the
// cache. The caller closes them.
func embeddings(ctx context.Context, std cmdline.Streams, o *embedOptions, mode string, search *knn.Search) (*embedding.Vectors, error) {
	dir, err := cacheDir(o.cache)
	if err != nil {
		return nil, err
	}
	server, err := o.service.Server()
	if err != nil {
		return nil, err
	}
	client := onDemand{service: &o.service, inFlight: o.workers}
	defer client.close()
	meter := progress.NewOf("sentences", std.Err, std.Name, mode)
	cache := embedding.Cache{
		Dir: dir, Server: server, Model: cmp.Or(o.model, embeddingModel), Dimensions: o.dimensions,
		Asker: &client, InFlight: o.workers, Pacer: pace.New(pace.Config{InFlight: o.workers, MaxRetries: 10, MaxWait: 10 * time.Minute}),
		Say: meter.Say, Progress: func(done, total int) { meter.Total(total); meter.Set(done, 0) },
	}
	meter.Waits(cache.Pacer.Waiting)
	vectors, err := cache.Get(ctx, slices.Concat(search.Train.Texts, search.Source.Texts))
	meter.Close()
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Class == record.Auth {
		return nil, cmdline.Exit(cmdline.Key, err)
	}
	if errors.Is(err, embedding.ErrNoAnswer) {
		err = fault.WithHint(err, "check that the server is up, and --base-url (OPENAI_BASE_URL)")
	}
	if err != nil {
		return nil, fmt.Errorf("get embeddings: %w", err)
	}
	std.Note("requested the embeddings of %s (%s); kept in %s", english.Count(vectors.Asked, "sentence"), english.Count(vectors.Usage.Prompt, "token"), dir)
	return vectors, nil
}

// onDemand creates the client at the first call: the cache alone needs no key.
type onDemand struct {
	service  *service.Options
	inFlight int

	once   sync.Once
	err    error
	client interface {
		retry.Asker
		Close()
	}
}

func (o *onDemand) Ask(ctx context.Context, path string, body []byte, read func([]byte) error) (pace.Limits, error) {
	o.once.Do(func() { o.client, o.err = o.service.Client(ctx, o.inFlight) })
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

func cacheDir(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fault.WithHint(err, "name a directory with --cache DIR")
	}
	return filepath.Join(dir, "nertools", "embeddings"), nil
}
