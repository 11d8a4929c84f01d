package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

const (
	model = "gpt-4o-mini"
	// maxTokens is ner-run's default.
	maxTokens = 512
	apiKey    = "sk-bench"
)

// bareResult is what the barehttp command prints. CPU is that of the calls
// alone, since to prepare the bodies takes some too.
type bareResult struct {
	Wall time.Duration `json:"wall"`
	CPU  time.Duration `json:"cpu"` // 0 where it is not known
}

func bareHTTP(c *cli.Context) error {
	bodies, err := readBodies(c.String("prompts"))
	if err != nil {
		return err
	}
	r, err := post(c.Context, c.String("url")+"/"+wire.Chat, bodies, c.Int("workers"))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// readBodies makes the bodies that ner-run sends for the prompts of a file.
func readBodies(path string) (bodies [][]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	requests, err := wire.NewBuilder(wire.Settings{Model: model, MaxTokens: maxTokens})
	if err != nil {
		return nil, err
	}
	in := record.NewLines(path, f)
	for line, err := range in.All() {
		if err != nil {
			return nil, err
		}
		request, err := requests.ParseRequest(line)
		if err != nil {
			return nil, in.Fault(err, "the prompts are those that ner-prompt makes")
		}
		bodies = append(bodies, request.Body)
	}
	return bodies, nil
}

// post sends the bodies from so many goroutines, reads each answer to its end
// and does nothing with it. Its one setting that is not net/http's default is
// that it keeps a connection for each goroutine.
func post(ctx context.Context, url string, bodies [][]byte, workers int) (bareResult, error) {
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	begin, used := time.Now(), ownCPU()
	for range workers {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return nil
				}
				if err := postOne(ctx, &client, url, bodies[i]); err != nil {
					return err
				}
			}
		})
	}
	err := g.Wait()
	return bareResult{time.Since(begin), ownCPU() - used}, err
}

func postOne(ctx context.Context, client *http.Client, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+apiKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers %s", response.Status)
	}
	return nil
}
