// Package service is what the programs that ask a service have in common: the
// flags that say what is asked, where, and who asks. It stands apart from
// cmdline so that the programs that ask nobody do not carry the client.
package service

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/fault"
	"nertools/pkg/openaiapi"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// DefaultModel is asked unless --model or NER_MODEL names another.
const DefaultModel = "gpt-4o-mini"

// RequestFlags are the flags that say what is asked for, apart from the prompt.
func RequestFlags() []cli.Flag {
	const category = "what is asked"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "model", Aliases: []string{"m"}, Value: DefaultModel, EnvVars: []string{"NER_MODEL"}, Usage: "ask this `MODEL`"},
		&cli.StringFlag{Category: category, Name: "endpoint", Value: "auto", Usage: "`auto`, chat, or completions (auto: completions only for models that know no other)"},
		&cli.IntFlag{Category: category, Name: "max-tokens", Value: 512, Usage: "at most `N` tokens an answer; 0 leaves it to the model"},
		&cli.Float64Flag{Category: category, Name: "temperature", DefaultText: "0 where the model takes it", Usage: "sampling temperature `T`"},
		&cli.Float64Flag{Category: category, Name: "top-p", DefaultText: "not sent", Usage: "nucleus sampling `P`"},
		&cli.Float64Flag{Category: category, Name: "frequency-penalty", DefaultText: "not sent", Usage: "`P` from -2 to 2"},
		&cli.Float64Flag{Category: category, Name: "presence-penalty", DefaultText: "not sent", Usage: "`P` from -2 to 2"},
		&cli.Int64Flag{Category: category, Name: "seed", DefaultText: "not sent", Usage: "sampling seed `N`"},
		&cli.StringSliceFlag{Category: category, Name: "stop", Usage: "end an answer before this `TEXT` (repeatable)"},
		&cli.StringFlag{Category: category, Name: "extra-body", Usage: "add the members of this `JSON` object to every request"},
	}
}

// Requests makes the builder of request bodies that the flags describe.
func Requests(c *cli.Context) (*wire.Builder, error) {
	if n := c.Int("max-tokens"); n < 0 {
		return nil, cmdline.UsageError("--max-tokens %d: a number of tokens from 0", n)
	}
	float := func(name string) *float64 {
		if !c.IsSet(name) {
			return nil
		}
		v := c.Float64(name)
		return &v
	}
	s := wire.Settings{
		// A variable that is set but empty means what an unset one does.
		Model: cmp.Or(c.String("model"), DefaultModel), Endpoint: c.String("endpoint"), MaxTokens: c.Int("max-tokens"),
		Temperature: float("temperature"), TopP: float("top-p"),
		FrequencyPenalty: float("frequency-penalty"), PresencePenalty: float("presence-penalty"),
		Stop: c.StringSlice("stop"), Extra: c.String("extra-body"),
	}
	if c.IsSet("seed") {
		seed := c.Int64("seed")
		s.Seed = &seed
	}
	b, err := wire.NewBuilder(s)
	if err != nil {
		return nil, cmdline.Exit(cmdline.Usage, err)
	}
	return b, nil
}

// Flags are the flags that say where the service is and who asks.
func Flags() []cli.Flag {
	const category = "the service"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "base-url", EnvVars: []string{"OPENAI_BASE_URL"}, Usage: "`URL` of the API, its /v1 included (default: " + openaiapi.DefaultBaseURL + ")"},
		&cli.StringFlag{Category: category, Name: "api-key-file", Usage: "read the API key from this `FILE` instead of OPENAI_API_KEY"},
		&cli.BoolFlag{Category: category, Name: "allow-http", Usage: "send the key over plain http to another machine"},
		&cli.DurationFlag{Category: category, Name: "timeout", Value: 2 * time.Minute, Usage: "give one call at most this `TIME`; 0 means no bound"},
	}
}

// BaseURL is where the service is.
func BaseURL(c *cli.Context) string {
	return cmp.Or(strings.TrimSpace(c.String("base-url")), openaiapi.DefaultBaseURL)
}

// Account tells accounts apart without telling the key: it is the same for the
// same key at the same address.
func Account(c *cli.Context) (string, error) {
	key, err := key(c)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte("nertools\n" + c.String("base-url") + "\n" + key))
	return hex.EncodeToString(sum[:4]), nil
}

// Client makes the client that the flags describe, for so many calls in flight.
func Client(c *cli.Context, inFlight int) (*openaiapi.Client, error) {
	if c.Duration("timeout") < 0 {
		return nil, cmdline.UsageError("--timeout %v: a time from 0", c.Duration("timeout"))
	}
	key, err := key(c)
	if err != nil {
		return nil, err
	}
	return openaiapi.New(openaiapi.Config{
		Key: key, BaseURL: c.String("base-url"), AllowHTTP: c.Bool("allow-http"),
		Timeout: c.Duration("timeout"), InFlight: inFlight,
	})
}

// key is the API key. A pipe that holds it can be read only once.
func key(c *cli.Context) (key string, err error) {
	defer func() {
		if err != nil && !errors.Is(err, context.Canceled) {
			err = cmdline.Exit(cmdline.Key, err)
		}
	}()
	if file := c.String("api-key-file"); file != "" {
		fromFile.once.Do(func() { fromFile.key, fromFile.err = keyFile(c.Context, file) })
		return fromFile.key, fromFile.err
	}
	if key := strings.TrimSpace(os.Getenv("OPENAI_API_KEY")); key != "" {
		return key, nil
	}
	return "", fault.WithHint(fmt.Errorf("OPENAI_API_KEY environment variable not set"),
		`set it with: export OPENAI_API_KEY="your-api-key-here" (or name a file that holds it with --api-key-file)`)
}

var fromFile struct {
	once sync.Once
	key  string
	err  error
}

// Explain says what to do about an error of the service that ends a command, and
// gives a rejected key its exit code. A hint that err has already stays.
func Explain(err error) error {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		return err
	}
	hint := ""
	switch {
	case e.Status == http.StatusForbidden && e.Class == record.Auth:
		hint = "the key is valid but not allowed to do this: check its permissions, its project and where the service is offered"
	case e.Class == record.Auth:
		hint = "check OPENAI_API_KEY or --api-key-file, and that the key belongs to the service at --base-url (OPENAI_BASE_URL)"
	case e.Class == record.Quota:
		hint = "add credit to the account, then run the same command again"
	case e.Class == record.Model:
		hint = "choose another --model"
	case e.WrongAddress, e.Suspect:
		hint = "check --base-url (OPENAI_BASE_URL): it ends in /v1 for most servers"
	case e.Passing():
		hint = "run the same command again later"
	}
	if hint != "" && fault.Hint(err) == "" {
		err = fault.WithHint(err, hint)
	}
	if e.Class == record.Auth && e.Status != http.StatusForbidden {
		return cmdline.Exit(cmdline.Key, err)
	}
	return err
}
