// Package openaiapi sends requests to OpenAI and to servers with a compatible API. It is
// the only package that imports github.com/openai/openai-go.
//
// The library prepares one request per endpoint, with its address, key and headers. Each
// call is a copy of that request with its own body, sent by net/http's transport. This
// takes half the CPU time of the library's Post and follows no redirects, which would send
// the key elsewhere. It also leaves retries and errors to this module: the library retries
// even when the account has no credit, and it loses the status of errors in other formats.
package openaiapi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/tidwall/gjson"

	"nertools/pkg/fault"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/safetext"
	"nertools/pkg/wire"
)

// Config describes the service, the account and the connections. Only the addresses of
// proxies are taken from the environment.
type Config struct {
	Key       string        // "" sends none; it appears in no error
	Org       string        // the organization that pays; "" for the key's own
	Project   string        // "" for the key's own
	Header    http.Header   // sent with every call; Authorization replaces the key; may be nil
	BaseURL   string        // with its "/v1", and a query that all calls get, if any; "" means DefaultBaseURL
	AllowHTTP bool          // send the key unencrypted to hosts other than this one
	Timeout   time.Duration // of one call, its answer included; 0 means none
	InFlight  int           // calls in flight, at most: as many connections are kept
}

// Client calls the API. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	key       string
	header    http.Header
	timeout   time.Duration
	transport *http.Transport
	memory    *memory
	// post is the library's Post. Its client is no field, since what a field's type
	// can do by reflection, all of the API, is linked into the program: 17 MB more.
	post func(ctx context.Context, path string, body, result any, opts ...option.RequestOption) error

	mu       sync.Mutex
	prepared map[string]*http.Request // path -> the request that calls are copies of
}

// New checks cfg and returns a client. It sends nothing.
func New(cfg Config) (*Client, error) {
	safetext.AddSecret(cfg.Key)
	hideOtherSecrets(cfg.Header)
	base, err := ParseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if base.Scheme == "http" && !cfg.AllowHTTP && !IsLoopback(base.Hostname()) {
		return nil, fmt.Errorf("%s %w", display(base), ErrUnencrypted)
	}
	if strings.ContainsFunc(cfg.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fault.WithHint(errors.New("the API key contains a space, a line break or a character outside ASCII"), "copy the key again, without anything around it")
	}
	c := &Client{
		base: base, key: cfg.Key, header: cfg.Header, timeout: cfg.Timeout, prepared: map[string]*http.Request{},
		transport: transport(cfg.InFlight), memory: newMemory(cfg.InFlight),
	}
	options := []option.RequestOption{option.WithHTTPClient(&http.Client{Transport: c.transport}), option.WithMaxRetries(0), option.WithBaseURL(base.String())}
	if cfg.Org != "" {
		options = append(options, option.WithOrganization(cfg.Org))
	}
	if cfg.Project != "" {
		options = append(options, option.WithProject(cfg.Project))
	}
	for name := range cfg.Header {
		options = append(options, option.WithHeader(name, cfg.Header.Get(name)))
	}
	// openai.NewClient would take all of this from the environment.
	library := openai.Client{Options: append(options, option.WithAPIKey(cmp.Or(cfg.Key, "none")))}
	c.post = library.Post
	return c, nil
}

// transport keeps a connection for every call in flight and opens no more:
// net/http's default keeps two for each host and opens the others anew for
// almost every call. A call that starts the moment another ends waits for that
// one's connection instead of opening its own.
func transport(inFlight int) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          0,
		MaxIdleConnsPerHost:   max(inFlight, 1),
		MaxConnsPerHost:       max(inFlight, 1),
		IdleConnTimeout:       90 * time.Second,
		WriteBufferSize:       32 << 10, // a few-shot prompt in one write; the default is 4 KB
		ExpectContinueTimeout: time.Second,
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Ask posts body to path, such as "chat/completions", and passes the body of the answer to
// read, which must not keep it. It returns the limits that the answer shows, even if the
// call failed. The error is that of read, or that of ctx, or a [*wire.Error] for a status
// other than success, a broken connection (class network) or a timeout (class timeout).
func (c *Client) Ask(ctx context.Context, path string, body []byte, read func(answer []byte) error) (limits pace.Limits, err error) {
	request, err := c.request(path)
	if err != nil {
		return limits, err
	}
	call, cancel := c.within(ctx)
	defer cancel()
	request = request.WithContext(call)
	withBody(request, body)
	header, err := c.do(ctx, request, c.timeout, read)
	return pace.Limits{Requests: limit(header, "Requests"), Tokens: limit(header, "Tokens")}, err
}

// within is ctx with the time that a call has.
func (c *Client) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout > 0 {
		return context.WithTimeout(ctx, c.timeout)
	}
	return ctx, func() {}
}

// withBody sets what is sent. GetBody lets the transport send the call again over a
// fresh connection when the service closed the idle one it had picked, before
// anything was asked.
func withBody(request *http.Request, body []byte) {
	request.ContentLength = int64(len(body))
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	request.Body, _ = request.GetBody()
}

// do makes a call, whose time ends with the request's context, and hands the answer
// to read if it is a success. ctx is the caller's own, and limit how much time the
// call has.
func (c *Client) do(ctx context.Context, request *http.Request, limit time.Duration, read func(answer []byte) error) (http.Header, error) {
	call := request.Context()
	response, err := c.send(request)
	if err != nil {
		return nil, broken(ctx, call, limit, err)
	}
	defer response.Body.Close()
	err = c.memory.read(call, response, func(answer []byte) error {
		switch empty := len(bytes.TrimSpace(answer)) == 0; {
		case response.StatusCode/100 != 2:
			return refused(response, answer)
		case empty && response.StatusCode != http.StatusOK && request.Method != http.MethodDelete:
			return refused(response, answer) // accepted, but not done
		}
		err := read(answer)
		if e, ok := errors.AsType[*wire.Error](err); ok {
			wait(response, e)
		}
		return err
	})
	if cut, ok := errors.AsType[*readError](err); ok {
		err = broken(ctx, call, limit, cut)
	}
	c.adviseVersion(err)
	return response.Header, err
}

// send sends a request. A server that switches protocols is no server of the API,
// and what comes then would outlive the time that the call has.
func (c *Client) send(request *http.Request) (*http.Response, error) {
	response, err := c.transport.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusSwitchingProtocols {
		response.Body.Close()
		return nil, errSwitched
	}
	return response, err
}

var errSwitched = errors.New("the server switched to another protocol instead of answering: it does not serve the API")

// refused is the error that an answer stands for whose status says that it is one.
func refused(response *http.Response, body []byte) error {
	e := wire.ParseError(response.StatusCode, body)
	wait(response, e)
	if to := response.Header.Get("Location"); to != "" && response.StatusCode < 400 {
		e.Message = "redirected elsewhere"
		if u, err := response.Request.URL.Parse(to); err == nil {
			e.Message = safetext.Message("redirected to " + u.Scheme + "://" + u.Host)
		}
	}
	if response.StatusCode == http.StatusBadRequest && httpsWanted.Match(body[:min(len(body), 4<<10)]) {
		e.WrongAddress, e.Hint = true, "give the address as https://"
	}
	return e
}

// httpsWanted is what servers say to plain http where they expect TLS.
var httpsWanted = regexp.MustCompile(`(?i)HTTP request (was sent )?to (an )?HTTPS (server|port)`)

// adviseVersion adds the usual address to the error of an address without a path: most
// servers have the API under /v1, and answer anything else with a page or an error of
// theirs.
func (c *Client) adviseVersion(err error) {
	e, ok := errors.AsType[*wire.Error](err)
	if ok && (e.WrongAddress || e.Suspect) && e.Hint == "" && e.Status/100 != 3 && c.base.Path == "" {
		e.Hint = "the address has no /v1, as that of most servers has: try " + c.base.Scheme + "://" + c.base.Host + "/v1"
	}
}

// wait notes the pause that the headers ask for, which counts before one that the
// message asks for.
func wait(response *http.Response, e *wire.Error) {
	if wait := retryAfter(response.Header); wait > 0 {
		e.RetryAfter = wait
	}
	if e.RetryAfter == 0 && e.Class == record.RateLimit {
		e.RetryAfter = loneReset(response.Header)
	}
}

// request returns the prepared request for path, to be copied.
func (c *Client) request(path string) (*http.Request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.prepared[path]; r != nil {
		return r, nil
	}
	var prepared *http.Request
	errStop := errors.New("prepared")
	err := c.post(context.Background(), path, []byte("{}"), nil,
		option.WithMiddleware(func(r *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
			prepared = r.Clone(context.Background())
			return nil, errStop
		}))
	if prepared == nil {
		return nil, fmt.Errorf("prepare the request: %w", err)
	}
	// What the library counts of its own retries would be wrong, and it drops the
	// query of the base URL and decodes its path.
	prepared.Header.Del("X-Stainless-Retry-Count")
	c.authorize(prepared.Header)
	if prepared.URL, err = under(c.base, path); err != nil {
		return nil, err
	}
	c.prepared[path] = prepared
	return prepared, nil
}

// A Provider is a company whose service differs from that of others.
type Provider int

const (
	OtherProvider Provider = iota
	OpenAI
	Azure
	Together
)

// Provider returns whose service the client calls, by the host.
func (c *Client) Provider() Provider {
	switch host := c.base.Hostname(); {
	case host == "api.openai.com" || strings.HasSuffix(host, ".api.openai.com"):
		return OpenAI
	case azureHost.MatchString(host):
		return Azure
	case host == "api.together.ai" || host == "api.together.xyz":
		return Together
	}
	return OtherProvider
}

// Shutdown returns the day on which the service shuts a model down; announced is false if it
// has announced none.
func (c *Client) Shutdown(ctx context.Context, model string) (day time.Time, announced bool, err error) {
	answer, err := c.call(ctx, http.MethodGet, "models/"+url.PathEscape(model), nil, "id")
	if err != nil {
		return day, false, err
	}
	date := gjson.GetBytes(answer, "shutdown_date")
	if !date.Exists() {
		return day, false, errors.New("the service says nothing of the day")
	}
	if date.Type == gjson.Null {
		return day, false, nil
	}
	day, err = time.Parse(time.DateOnly, date.String())
	return day, err == nil, err
}

// authorize puts the key where the service expects it.
func (c *Client) authorize(h http.Header) {
	switch own := c.header.Get("Authorization"); {
	case own != "":
		h.Set("Authorization", own)
	case c.key == "":
		h.Del("Authorization")
	case c.Provider() == Azure && !webToken.MatchString(c.key):
		h.Del("Authorization")
		if h.Get("Api-Key") == "" {
			h.Set("Api-Key", c.key)
		}
	}
}

var (
	// azureHost matches the hosts of Azure, which take a key in the header api-key, and as
	// Bearer only tokens at their older URLs.
	azureHost = regexp.MustCompile(`\.(openai|cognitiveservices|services\.ai)\.azure\.(com|us|cn)$`)
	// webToken matches tokens of Entra ID, which are JSON web tokens.
	webToken = regexp.MustCompile(`^eyJ[\w-]*\.[\w-]+\.[\w-]+$`)
)

// limit reads what the headers show of one limit. Servers that have none send
// -1 or 0, or nothing.
func limit(h http.Header, of string) pace.Limit {
	remaining := h.Get("X-Ratelimit-Remaining-" + of)
	if remaining == "" {
		return pace.Limit{}
	}
	var l pace.Limit
	var errs [2]error
	l.Max, errs[0] = strconv.Atoi(h.Get("X-Ratelimit-Limit-" + of))
	l.Remaining, errs[1] = strconv.Atoi(remaining)
	reset, ok := wire.Until(h.Get("X-Ratelimit-Reset-"+of), time.Now())
	if errors.Join(errs[:]...) != nil || !ok {
		return pace.Limit{}
	}
	l.Reset = reset
	return l
}

// retryAfter reads retry-after-ms, and retry-after, which is in seconds or a date.
func retryAfter(h http.Header) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.ParseFloat(h.Get(name), 64); err == nil {
			return wire.Span(ms, time.Millisecond)
		}
	}
	wait, _ := wire.Until(h.Get("Retry-After"), time.Now())
	return wait
}

// loneReset is the soonest reset of a limit of which the headers show nothing
// else, as Azure has it: then it can only be meant as a pause.
func loneReset(h http.Header) (soonest time.Duration) {
	for _, spelt := range []string{"X-Ratelimit-", "X-Rate-Limit-"} {
		for _, of := range []string{"Requests", "Tokens"} {
			wait, _ := wire.Until(h.Get(spelt+"Reset-"+of), time.Now())
			if wait > 0 && h.Get(spelt+"Remaining-"+of) == "" && (soonest == 0 || wait < soonest) {
				soonest = wait
			}
		}
	}
	return soonest
}
