// Package openaiapi talks to OpenAI and to servers that speak its language. It
// is the only package that knows the library github.com/openai/openai-go.
//
// The library is left to do what it knows best: where the service is, who asks
// (key, organization, project, custom headers) and with which headers. It
// prepares one request for each endpoint; the calls of a run are copies of it
// with a body of their own, handed to net/http's transport. That costs half the
// CPU of its own Post, follows no redirect (which would carry the key to another
// place), and leaves retries, statuses and error bodies to us: the library
// retries by itself, a dead quota too, and loses the status of an error that is
// not in its form.
package openaiapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"nertools/pkg/fault"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// DefaultBaseURL is where OpenAI's own service is.
const DefaultBaseURL = "https://api.openai.com/v1"

// Config says where the service is and how to reach it.
type Config struct {
	Key       string        // never empty; it appears in no error
	BaseURL   string        // with its "/v1"; "" means DefaultBaseURL
	AllowHTTP bool          // send the key unencrypted to hosts other than this one
	Timeout   time.Duration // of one call, its answer included; 0 means none
	Flying    int           // calls in flight, at most: as many connections are kept
}

// Client makes calls. It is safe for concurrent use.
type Client struct {
	key       string
	timeout   time.Duration
	transport *http.Transport
	// post is the library's Post. Its client is no field, since what a field's type
	// can do by reflection, all of the API, is linked into the program: 17 MB more.
	post func(ctx context.Context, path string, body, result any, opts ...option.RequestOption) error

	mu       sync.Mutex
	prepared map[string]*http.Request // path -> the request that calls are copies of
}

// New checks cfg and returns a client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base := cfg.BaseURL
	if base == "" {
		base = DefaultBaseURL
	}
	if err := checkURL(base, cfg.AllowHTTP); err != nil {
		return nil, err
	}
	if strings.ContainsFunc(cfg.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fault.WithHint(errors.New("the API key holds a space, a line break or a sign beyond ASCII"), "copy the key again, without what stands around it")
	}
	// The library refuses an OPENAI_BASE_URL that is set but empty, whatever
	// base URL it is given.
	if v, ok := os.LookupEnv("OPENAI_BASE_URL"); ok && v == "" {
		os.Unsetenv("OPENAI_BASE_URL")
	}
	c := &Client{
		key: cfg.Key, timeout: cfg.Timeout, prepared: map[string]*http.Request{},
		transport: transport(cfg.Flying),
	}
	library := openai.NewClient(
		option.WithAPIKey(cfg.Key), option.WithBaseURL(base),
		option.WithHTTPClient(&http.Client{Transport: c.transport}), option.WithMaxRetries(0))
	c.post = library.Post
	return c, nil
}

// transport keeps a connection for every call in flight and opens no more:
// net/http's default keeps two for each host and opens the others anew for
// almost every call. A call that starts the moment another ends waits for that
// one's connection instead of opening its own.
func transport(flying int) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          0,
		MaxIdleConnsPerHost:   max(flying, 1),
		MaxConnsPerHost:       max(flying, 1),
		IdleConnTimeout:       90 * time.Second,
		WriteBufferSize:       32 << 10, // a few-shot prompt in one write; the default is 4 KB
		ExpectContinueTimeout: time.Second,
	}
}

func checkURL(base string, allowHTTP bool) error {
	u, err := url.Parse(base)
	if err != nil {
		return fault.WithHint(errors.New("the base URL is none"), "give it as https://HOST/v1") // err tells its password
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fault.WithHint(fmt.Errorf("base URL %q is not an http address", u.Redacted()), "give it as https://HOST/v1")
	}
	if u.Scheme == "http" && !allowHTTP && !isLoopback(u.Hostname()) {
		return fault.WithHint(fmt.Errorf("%s would get the API key unencrypted", u.Redacted()),
			"use https, or say --allow-http if the network in between is yours")
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Close closes the connections that are not in use.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Ask posts body to path ("chat/completions") and returns the body of the
// answer, and the limits that it shows even where it failed. The error is a
// [*wire.Error] for every status but 200, for a connection that broke (class
// network) and for an answer that did not come in time (class timeout); it is
// that of ctx if ctx ended.
func (c *Client) Ask(ctx context.Context, path string, body []byte) ([]byte, pace.Limits, error) {
	request, err := c.request(path)
	if err != nil {
		return nil, pace.Limits{}, err
	}
	call := ctx
	if c.timeout > 0 {
		var cancel context.CancelFunc
		call, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	request = request.WithContext(call)
	request.ContentLength = int64(len(body))
	// GetBody lets the transport send the call again over a fresh connection when
	// the service closed the idle one it had picked, before anything was asked.
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	request.Body, _ = request.GetBody()
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, pace.Limits{}, c.broken(ctx, call, err)
	}
	defer response.Body.Close()
	limits := pace.Limits{Requests: limit(response.Header, "Requests"), Tokens: limit(response.Header, "Tokens")}
	answer, err := readAll(response)
	if err != nil {
		return nil, limits, c.broken(ctx, call, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, limits, c.refused(response, answer)
	}
	if bytes.Contains(answer, []byte(`"error"`)) {
		answer = c.hideIn(answer) // some services report an error with the status 200
	}
	return answer, limits, nil
}

func (c *Client) refused(response *http.Response, body []byte) error {
	e := wire.ParseError(response.StatusCode, c.hideIn(body))
	if wait := retryAfter(response.Header); wait > 0 {
		e.RetryAfter = wait
	}
	if e.RetryAfter == 0 && e.Class == record.RateLimit {
		e.RetryAfter = loneReset(response.Header)
	}
	if to := response.Header.Get("Location"); to != "" && response.StatusCode < 400 {
		e.Message = "redirected elsewhere"
		if u, err := response.Request.URL.Parse(to); err == nil {
			e.Message = "redirected to " + c.hide(u.Scheme+"://"+u.Host)
		}
	}
	return e
}

// maxAnswer bounds an answer: a completion is far smaller, and so are the
// embeddings that one call of ours asks for.
const maxAnswer = 64 << 20

func readAll(r *http.Response) ([]byte, error) {
	var buf bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= maxAnswer {
		buf.Grow(int(n) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(r.Body, maxAnswer+1))
	if n > maxAnswer {
		return nil, fmt.Errorf("an answer of more than %d MiB", maxAnswer>>20)
	}
	return buf.Bytes(), err
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
	// What the library counts of its own retries would be wrong.
	prepared.Header.Del("X-Stainless-Retry-Count")
	c.prepared[path] = prepared
	return prepared, nil
}

// broken tells a call that the caller gave up from one that ran out of time and
// one whose connection broke.
func (c *Client) broken(ctx, call context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure := record.Failure{Class: record.Network, Message: c.hide(reason(err))}
	var timeout interface{ Timeout() bool }
	if call.Err() != nil {
		failure = record.Failure{Class: record.Timeout, Message: fmt.Sprintf("no answer within %v", c.timeout)}
	} else if errors.As(err, &timeout) && timeout.Timeout() {
		failure.Class = record.Timeout
	}
	return &wire.Error{Failure: failure}
}

// reason is what went wrong with a connection.
func reason(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the connection was closed in the middle of the answer"
	}
	return err.Error()
}

// secret is the least length of a key that is one. What local servers are given,
// "none" or "x", may stand in a text for another reason, which must stay whole.
const secret = 8

// hideIn takes the key out of what a service says.
func (c *Client) hideIn(body []byte) []byte {
	if len(c.key) < secret {
		return body
	}
	return bytes.ReplaceAll(body, []byte(c.key), []byte("…"))
}

// hide takes the key out of a text.
func (c *Client) hide(s string) string { return string(c.hideIn([]byte(s))) }

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
