// Package service contains the flags that describe requests and the service, and creates
// the client. It is separate from cmdline so that programs that send nothing do not link
// the client.
package service

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/fault"
	"nertools/pkg/model"
	"nertools/pkg/openaiapi"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// DefaultModel is the model if neither --model nor NER_MODEL names one. It is the
// replacement that OpenAI names for gpt-4o-mini, the earlier default, which is shut down on
// 2027-01-14 (https://developers.openai.com/api/docs/deprecations).
const DefaultModel = "gpt-6-luna"

// Settings are the parts of a request other than the prompt.
type Settings struct{ wire.Settings }

// Flags returns the flags that fill s.
func (s *Settings) Flags() []cli.Flag {
	const category = "what is asked"
	given := func(to **float64) func(*cli.Context, float64) error {
		return func(_ *cli.Context, v float64) error {
			*to = &v
			return nil
		}
	}
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "model", Aliases: []string{"m"}, Value: DefaultModel, EnvVars: []string{"NER_MODEL"}, Destination: &s.Model, Usage: "ask this `MODEL`"},
		&cli.StringFlag{Category: category, Name: "endpoint", Value: "auto", Destination: &s.Endpoint, Usage: "use the `ENDPOINT` chat or completions; auto chooses by the model"},
		&cli.IntFlag{Category: category, Name: "max-tokens", Value: 512, Destination: &s.MaxTokens, Action: func(_ *cli.Context, n int) error {
			s.Bounded = true
			return cmdline.AtLeast("max-tokens", 0)(nil, n)
		}, Usage: "allow at most `N` tokens per answer; 0 leaves it to the model"},
		&cli.StringFlag{Category: category, Name: "reasoning-effort", DefaultText: "the lowest the model is known to accept", Destination: &s.Effort,
			Usage: "reason with `EFFORT`: none, low ...; default leaves it to the model"},
		&cli.StringFlag{Category: category, Name: "temperature", DefaultText: "0 where the model takes it", Action: s.setTemperature, Usage: "sample with temperature `T`; none sends none"},
		&cli.Float64Flag{Category: category, Name: "top-p", DefaultText: "not sent", Action: given(&s.TopP), Usage: "sample from the most probable tokens, up to `P` (nucleus sampling)"},
		&cli.Float64Flag{Category: category, Name: "frequency-penalty", DefaultText: "not sent", Action: given(&s.FrequencyPenalty), Usage: "penalize frequent tokens by `P`, from -2 to 2"},
		&cli.Float64Flag{Category: category, Name: "presence-penalty", DefaultText: "not sent", Action: given(&s.PresencePenalty), Usage: "penalize tokens that occurred before by `P`, from -2 to 2"},
		&cli.Int64Flag{Category: category, Name: "seed", DefaultText: "not sent", Usage: "sample with seed `N`", Action: func(_ *cli.Context, n int64) error {
			s.Seed = &n
			return nil
		}},
		&cli.StringSliceFlag{Category: category, Name: "stop", Action: cmdline.Into(&s.Stop), Usage: "end an answer before this `TEXT` (repeatable)"},
		&cli.StringFlag{Category: category, Name: "service-tier", Destination: &s.Tier, Usage: "ask for this `TIER` of service: flex costs half and may take minutes"},
		&cli.StringFlag{Category: category, Name: "extra-body", Destination: &s.Extra, Usage: "add the members of this `JSON` object to every request"},
	}
}

// ServiceTier returns the requested service tier; "" is the default one.
func (s *Settings) ServiceTier() string {
	return cmp.Or(gjson.Get(s.Extra, "service_tier").String(), s.Tier)
}

func (s *Settings) setTemperature(_ *cli.Context, text string) error {
	if s.NoTemperature = text == "none"; s.NoTemperature {
		return nil
	}
	t, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return cmdline.UsageError("--temperature must be a number or none, not %q", text)
	}
	s.Temperature = &t
	return nil
}

// ModelName returns the name of the model that is asked. A variable that is set but empty
// means what an unset one does.
func (s *Settings) ModelName() string { return cmp.Or(s.Model, DefaultModel) }

// Builder returns the builder of request bodies. It calls say about a flag that the model is
// known to refuse; only the service knows whether it still does.
func (s *Settings) Builder(say func(string)) (*wire.Builder, error) {
	settings := s.Settings
	settings.Model = s.ModelName()
	if len(settings.Stop) > 0 && model.Of(settings.Model).RefusesStop {
		say("the model " + settings.Model + " is known to refuse --stop")
	}
	b, err := wire.NewBuilder(settings)
	return b, cmdline.ExitIf(cmdline.Usage, err)
}

// Flex is the service tier that costs half. It is slower, and at times has no capacity,
// which its services answer with a refusal that is not charged
// (https://developers.openai.com/api/docs/guides/flex-processing, 2026-11-26, which
// advises a timeout of 15 minutes; https://console.groq.com/docs/flex-processing).
const Flex = "flex"

const (
	usualTimeout = 2 * time.Minute
	flexTimeout  = 15 * time.Minute
)

// Options describe the service and the account.
type Options struct {
	BaseURL   string
	KeyFile   string // "" for the key in OPENAI_API_KEY
	AllowHTTP bool
	Timeout   time.Duration // of a call; 0 for none
	Tier      string        // of the calls; it changes the Timeout unless that is given

	timed   bool // Timeout is given
	headers []header

	// These are kept once they are read, since a pipe can be read only once.
	key    string
	hasKey bool
	read   http.Header
}

// Flags returns the flags that fill o.
func (o *Options) Flags() []cli.Flag {
	const category = "the service"
	return []cli.Flag{
		&cli.StringFlag{Category: category, Name: "base-url", EnvVars: []string{"OPENAI_BASE_URL"}, Destination: &o.BaseURL, Usage: "send requests to `URL`, which includes /v1 (default: " + openaiapi.DefaultBaseURL + ")"},
		&cli.StringFlag{Category: category, Name: "api-key-file", Destination: &o.KeyFile, Usage: "read the API key from `FILE`: the key alone, or OPENAI_API_KEY=KEY"},
		&cli.StringSliceFlag{Category: category, Name: "header", Action: o.setHeaders, Usage: "add the header `'NAME: VALUE'` or 'NAME: @FILE' to calls (repeatable)"},
		&cli.BoolFlag{Category: category, Name: "allow-http", Destination: &o.AllowHTTP, Usage: "send the key over plain http to another machine"},
		&cli.DurationFlag{Category: category, Name: "timeout", Value: usualTimeout, DefaultText: "2m0s; 15m0s with --service-tier flex", Destination: &o.Timeout, Action: func(_ *cli.Context, d time.Duration) error {
			o.timed = true
			return cmdline.AtLeast[time.Duration]("timeout", 0)(nil, d)
		}, Usage: "wait at most `TIME` for an answer; 0 means no limit"},
	}
}

// Server returns the host, port and path of the service, without the scheme and query.
func (o *Options) Server() (string, error) {
	base, err := openaiapi.ParseBaseURL(o.BaseURL)
	if err != nil {
		return "", err
	}
	return base.Host + base.Path, nil
}

// Account returns a digest of the key and the base URL, which identifies the account without
// revealing the key. former are the digests that earlier versions computed, before base URLs
// were normalized.
func (o *Options) Account(ctx context.Context) (account string, former []string, err error) {
	key, err := o.readKey(ctx)
	if err != nil {
		return "", nil, err
	}
	base, err := openaiapi.ParseBaseURL(o.BaseURL)
	if err != nil {
		return "", nil, err
	}
	of := func(base string) string {
		sum := sha256.Sum256([]byte("nertools\n" + base + "\n" + key))
		return hex.EncodeToString(sum[:4])
	}
	former = []string{of(o.BaseURL), of(base.String() + "/")}
	if base.String() == openaiapi.DefaultBaseURL {
		former = append(former, of(""))
	}
	return of(base.String()), former, nil
}

// Client returns a client for inFlight concurrent calls. The caller closes it.
func (o *Options) Client(ctx context.Context, inFlight int) (*openaiapi.Client, error) {
	key, err := o.readKey(ctx)
	if err != nil {
		return nil, err
	}
	header, err := o.header(ctx)
	if err != nil {
		return nil, err
	}
	if o.standIn() != "" && o.KeyFile == "" {
		key = "" // the header contains it
	}
	client, err := openaiapi.New(openaiapi.Config{
		Key: key, Org: os.Getenv("OPENAI_ORG_ID"), Project: os.Getenv("OPENAI_PROJECT_ID"), Header: header,
		BaseURL: o.BaseURL, AllowHTTP: o.AllowHTTP, Timeout: o.timeout(), InFlight: inFlight,
	})
	if errors.Is(err, openaiapi.ErrUnencrypted) {
		err = fault.WithHint(err, "use https, or add --allow-http if the network in between is yours")
	}
	return client, err
}

// timeout returns the time that one call has.
func (o *Options) timeout() time.Duration {
	if o.Tier == Flex && !o.timed {
		return flexTimeout
	}
	return o.Timeout
}

// readKey returns the API key: that of the key file, of a header that stands in for it, or
// of the environment. A server on this computer may go without.
func (o *Options) readKey(ctx context.Context) (key string, err error) {
	switch name := o.standIn(); {
	case o.hasKey:
		return o.key, nil
	case o.KeyFile != "":
		key, err = keyFile(ctx, o.KeyFile)
	case name != "":
		var all http.Header
		if all, err = o.header(ctx); err == nil {
			key = strings.TrimPrefix(all.Get(name), "Bearer ")
		}
	default:
		if key = strings.TrimSpace(os.Getenv("OPENAI_API_KEY")); key == "" && !o.onLoopback() {
			err = fault.WithHint(errors.New("OPENAI_API_KEY environment variable not set"),
				`set it with: export OPENAI_API_KEY="your-api-key-here" (or name a file that holds it with --api-key-file)`)
		}
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		err = cmdline.Exit(cmdline.Key, err)
	}
	o.key, o.hasKey = key, err == nil
	return key, err
}

// onLoopback reports whether the service is on this computer: servers there seldom need a
// key.
func (o *Options) onLoopback() bool {
	base, err := openaiapi.ParseBaseURL(o.BaseURL)
	return err == nil && openaiapi.IsLoopback(base.Hostname())
}

// flagOf returns the flag that sets a member of the requests.
func flagOf(member string) string {
	if member == "max_completion_tokens" {
		member = "max_tokens"
	}
	return strings.ReplaceAll(member, "_", "-")
}

// Explain says what to do about an error of the service, or about earlier answers
// that do not belong to the prompts, and gives a rejected key its exit code. A hint
// that err has already stays.
func Explain(err error) error {
	hint := ""
	if mixed, ok := errors.AsType[*resume.MixError](err); ok {
		hint = "to answer the same requests from it, name it with --reuse instead of --resume, and write to another -o file"
		switch {
		case mixed.Asked:
			hint = "write the answers to each kind of question (ner-prompt --ask) to a file of their own"
		case mixed.Total:
			hint = "write to another -o file: --resume copies these answers into it, and --reuse finds those of rows that have moved"
		}
		return fault.WithHint(err, hint)
	}
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		return err
	}
	switch {
	case e.GivenExtra:
		hint = "the model refuses --extra-body: leave " + e.Given + " out of it, or choose another --model"
	case e.Given != "":
		hint = "the model refuses --" + flagOf(e.Given) + ": leave it out, or choose another --model"
	case e.Status == http.StatusForbidden && e.Class == record.Auth:
		hint = "the key is valid but not allowed to do this: check its permissions, its project and where the service is offered"
	case e.Class == record.Auth:
		hint = "check OPENAI_API_KEY or --api-key-file, and that the key belongs to the service at --base-url (OPENAI_BASE_URL)"
	case e.Class == record.Quota:
		hint = "add credit to the account, then run the same command again"
	case e.Class == record.Model:
		hint = "choose another --model, or another --endpoint for it"
	case e.Status >= 300 && e.Status < 400:
		hint = "set --base-url (OPENAI_BASE_URL) to the address that the server redirects to"
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
