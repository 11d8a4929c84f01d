package wire

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// An Error is the service's error response, or the reason why there was no response.
type Error struct {
	record.Failure
	Type       string        // the service's own type; may be empty
	Param      string        // the parameter that the error names; may be empty
	RetryAfter time.Duration // the pause that the service asks for; 0 if none
	Hint       string        // what to do about it; may be empty

	// Unsent means that the request did not reach the service.
	Unsent bool
	// Lasting means that repeating the request cannot help, whatever its class.
	Lasting bool
	// WrongAddress means that the API is not at this address or path.
	WrongAddress bool
	// Suspect means that the address is probably wrong. If this address has answered
	// before, the failure is temporary instead.
	Suspect bool

	// Given is the member of the request that the service refuses although the user asked
	// for it; otherwise "". GivenExtra means that it is in the extra body.
	Given      string
	GivenExtra bool
}

// Error returns the status, the code and the message.
func (e *Error) Error() string {
	s := e.Message
	if e.Code != "" && e.Code != strconv.Itoa(e.Status) {
		s = e.Code + ": " + s
	}
	if e.Status != 0 && e.Status/100 != 2 {
		s = fmt.Sprintf("%d %s", e.Status, s)
	}
	return s
}

// Remedy returns e.Hint, for package fault.
func (e *Error) Remedy() string { return e.Hint }

// Passing reports whether the same request may succeed later.
func (e *Error) Passing() bool {
	if e.Lasting || e.WrongAddress {
		return false
	}
	switch e.Class {
	case record.RateLimit, record.Server, record.Network, record.Timeout, record.Malformed:
		return true
	}
	return false
}

// Unanswered reports whether no response arrived, or only part of one.
func (e *Error) Unanswered() bool { return e.Class == record.Network || e.Class == record.Timeout }

// Fatal reports whether all other requests would fail, too. heard says whether the
// service has already answered a request.
func (e *Error) Fatal(heard bool) bool {
	switch e.Class {
	case record.Auth, record.Model, record.Quota:
		return true
	}
	return e.Given != "" || e.WrongAddress || e.Suspect && !heard || e.Lasting && e.Unanswered()
}

// Failed converts the error of a call into the failure that a record contains. Errors
// other than [*Error] count as network errors.
func Failed(err error) *record.Failure {
	if e, ok := errors.AsType[*Error](err); ok {
		f := e.Failure
		return &f
	}
	return &record.Failure{Class: record.Network, Message: safetext.Message(err.Error())}
}

// ParseError parses the body of an error response. It understands the error formats of
// many services, and bodies that are not JSON.
func ParseError(status int, body []byte) *Error {
	e := &Error{Failure: record.Failure{Status: status}}
	var said saying
	body = bytes.TrimPrefix(bytes.TrimSpace(body), bom)
	if len(body) > maxErrorBody {
		body = []byte("<") // an HTML page
	}
	if event, ok := firstEvent(body); ok {
		body = event
	}
	if record.ValidJSON(body) {
		said.read(gjson.ParseBytes(body), 0)
	} else if len(body) > 0 && body[0] != '<' {
		said.message = string(body[:min(len(body), 200)])
	}
	if e.settle(&said); e.Message == "" {
		e.Message = cmp.Or(strings.ToLower(http.StatusText(status)), "no reason given")
		if len(body) > 0 {
			e.Message += " (the answer is not the API's JSON)"
		}
	}
	if e.Passing() {
		e.RetryAfter = pauseIn(body, time.Now())
	}
	if status/100 == 2 && len(body) == 0 {
		e.Class = record.Invalid // repeating the request is pointless
	}
	return e
}

// maxErrorBody is how many bytes of an error body are looked at.
const maxErrorBody = 1 << 20

// answeredError returns the error inside a response with status 200, or nil. v is the
// body. payload is the member that holds what was asked for: if it is present, only the
// member "error" counts as an error.
func answeredError(v gjson.Result, payload string) error {
	var said saying
	if p := v.Get(payload); p.IsArray() && p.Get("0").Exists() {
		if inner := v.Get("error"); inner.IsObject() || inner.Type == gjson.String {
			said.read(inner, 1)
		}
	} else {
		said.read(v, 0)
	}
	if strings.TrimSpace(said.message) == "" && !said.failed {
		return nil
	}
	e := &Error{Failure: record.Failure{Status: http.StatusOK}}
	if e.settle(&said); e.Message == "" {
		e.Message = "an error without a message: " + safetext.Message(v.Raw)
	}
	if e.Passing() {
		e.RetryAfter = pauseIn([]byte(v.Raw), time.Now())
	}
	return e
}

// CheckObject returns the error in a response that should be a JSON object with one of
// the members, or nil if it is one. Without members, any object is accepted.
func CheckObject(body []byte, members ...string) error {
	if !record.ValidJSON(body) {
		return noJSON(body)
	}
	v := gjson.ParseBytes(body)
	for _, name := range members {
		if m := v.Get(name); m.Exists() && m.Type != gjson.Null {
			return nil
		}
	}
	if err := answeredError(v, ""); err != nil {
		return err
	}
	if len(members) > 0 {
		return malformed(fmt.Sprintf("no %q in the answer: %s", members[0], safetext.Code(v.Raw)))
	}
	return nil
}

// saying is what an error body says, in whatever format.
type saying struct {
	message           string
	code, kind, param string
	names             []string // all codes and types, reduced to lower-case letters and digits
	number            int      // a status in the body; 0 if absent
	failed            bool     // a field of the body says that it is an error
}

// The members in which services describe errors, in order of preference.
var (
	messageKeys = []string{"message", "msg", "detail", "error_description", "error_message", "errorMessage", "error_msg", "errmsg", "err_msg", "status_msg", "faultstring", "Message", "description", "reason", "title"}
	errorKeys   = []string{"error", "errors", "Error", "err", "fault", "base_resp"}
	codeKeys    = []string{"code", "error_code", "errcode", "errorcode", "Code"}
	statusKeys  = []string{"status", "status_code", "statusCode", "http_status", "code", "error_code"}
)

// maxNesting is how deeply errors may be nested.
const maxNesting = 5

// read adds what v says. Inner errors take precedence over outer ones.
func (s *saying) read(v gjson.Result, depth int) {
	switch {
	case depth > maxNesting:
	case v.IsArray():
		s.readList(v, depth)
	case v.IsObject():
		s.readObject(v, depth)
	case v.Type == gjson.String:
		if inner := strings.TrimSpace(v.Str); strings.HasPrefix(inner, "{") && depth > 0 && record.ValidJSON([]byte(inner)) {
			// Gateways pass on the error they received as a string.
			if s.read(gjson.Parse(inner), depth+1); s.message != "" {
				return
			}
		}
		s.message = cmp.Or(s.message, v.Str)
	}
}

// readList adds a list of errors.
func (s *saying) readList(v gjson.Result, depth int) {
	const most = 3
	var messages []string
	list := v.Array()
	for _, item := range list[:min(len(list), most)] {
		one := saying{}
		one.read(item, depth+1)
		if one.message != "" {
			messages = append(messages, one.message)
		}
		s.adopt(&one)
	}
	if more := len(list) - most; more > 0 && len(messages) > 0 {
		messages = append(messages, fmt.Sprintf("%d more", more))
	}
	s.message = cmp.Or(s.message, strings.Join(messages, "; "))
}

// adopt fills in what s lacks, except the message.
func (s *saying) adopt(inner *saying) {
	s.code, s.kind, s.param = cmp.Or(s.code, inner.code), cmp.Or(s.kind, inner.kind), cmp.Or(s.param, inner.param)
	s.number = cmp.Or(s.number, inner.number)
	s.names = append(s.names, inner.names...)
	s.failed = s.failed || inner.failed
}

func (s *saying) readObject(v gjson.Result, depth int) {
	member := map[string]gjson.Result{}
	v.ForEach(func(key, value gjson.Result) bool {
		if _, twice := member[key.Str]; !twice && value.Type != gjson.Null {
			member[key.Str] = value
		}
		return true
	})
	for _, key := range errorKeys {
		if inner := member[key]; inner.IsObject() || inner.IsArray() && inner.Get("0").Exists() {
			s.read(inner, depth+1)
			s.failed = s.failed || key == "error" && inner.IsObject() && len(inner.Map()) > 0
		}
	}
	own := saying{param: text(member["param"])}
	for _, key := range codeKeys {
		own.code = cmp.Or(own.code, text(member[key]))
	}
	own.kind = text(member["type"])
	status := member["status"]
	if word := text(status); status.Type == gjson.String && statusIn(status) == 0 {
		switch strings.ToLower(word) {
		case "error", "fail", "failed", "failure":
			own.failed = true
		case "ok", "success":
		default:
			own.names = append(own.names, plainName(word))
		}
	}
	if member["success"].Type == gjson.False || member["object"].Str == "error" || own.kind == "error" {
		own.failed = true
	}
	for _, key := range statusKeys {
		own.number = cmp.Or(own.number, statusIn(member[key]))
	}
	own.names = append(own.names, plainName(own.code), plainName(own.kind))
	s.adopt(&own)

	if where := member["loc"]; where.IsArray() && member["msg"].Exists() { // Pydantic's format
		s.names = append(s.names, "validationerror")
		parts := where.Array()
		path := make([]string, 0, len(parts))
		for _, p := range parts {
			path = append(path, p.String())
		}
		if n := len(path); n > 0 {
			s.param = cmp.Or(s.param, path[n-1])
			s.message = cmp.Or(s.message, strings.Join(path, ".")+": "+member["msg"].String())
		}
	}
	for _, key := range messageKeys {
		switch m := member[key]; {
		case s.message != "":
		case m.Type == gjson.String || m.IsObject() || m.IsArray():
			s.read(m, depth+1)
		}
	}
	for _, key := range errorKeys {
		if inner := member[key]; inner.Type == gjson.String {
			if s.message == "" {
				s.read(inner, depth+1)
			} else {
				s.names = append(s.names, plainName(inner.Str))
			}
		}
	}
	if raw := member["metadata"].Get("raw"); raw.Exists() { // the error that a router received
		behind := saying{}
		behind.read(raw, depth+1)
		s.names = append(s.names, behind.names...)
		if behind.message != "" && !strings.Contains(s.message, behind.message) {
			s.message = strings.TrimPrefix(s.message+": "+behind.message, ": ")
		}
	}
}

// text returns v as text if it is a string or a number.
func text(v gjson.Result) string {
	if v.Type == gjson.String || v.Type == gjson.Number {
		return v.String()
	}
	return ""
}

// statusIn returns the HTTP status in v, a number or a string, or 0.
func statusIn(v gjson.Result) int {
	if v.Type != gjson.Number && v.Type != gjson.String {
		return 0
	}
	n := v.Int()
	if n < 300 || n > 599 {
		return 0
	}
	return int(n)
}

// plainName removes the differences between spellings such as "InvalidApiKey" and
// "invalid_api_key".
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, s)
}

// settle classifies the error by what the service said, and then makes its texts safe to
// store and print.
func (e *Error) settle(said *saying) {
	if e.Status/100 <= 2 && said.number != 0 {
		e.Status = said.number
	}
	status := e.Status
	switch {
	case status/100 <= 2:
		status = 0 // it carries no information
	case status >= 500 && said.number/100 == 4:
		status = said.number // the more specific status
	}
	e.Class = classify(status, said)
	e.WrongAddress = e.Class == record.Invalid && (addressStatus(status) || status == 0 && wrongAddress.MatchString(lower(said.message)))
	e.Lasting = status == http.StatusProxyAuthRequired
	e.Message = safetext.Message(said.message)
	e.Code, e.Type, e.Param = safetext.Code(said.code), safetext.Code(said.kind), safetext.Code(said.param)
}

// addressStatus reports whether status would be the same for every request to this
// address.
func addressStatus(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return true
	}
	return status >= 300 && status < 400
}

// lower returns the part of a message that is searched for words, in lower case.
func lower(s string) string { return strings.ToLower(s[:min(len(s), 4<<10)]) }

// classes maps the names and words that services use to classes of errors: the first
// matching line decides. The words are matched against the message in lower case.
var classes = []struct {
	class record.Class
	names []string // in the form that plainName returns
	words *regexp.Regexp
}{
	{record.RateLimit, nil, regexp.MustCompile(`(?s)current quota.*(retry in|try again in) [0-9.]+ ?(s|ms|m)`)}, // a limit per minute, whatever the service calls it
	{record.Quota,
		[]string{"insufficientquota", "insufficientbalance", "insufficientcredits", "insufficientuserquota", "billinghardlimitreached", "billingnotactive",
			"exceededcurrentquotaerror", "paymentrequired", "arrearage", "creditslimitexceeded"},
		regexp.MustCompile(`insufficient[ _](\w+ )?(balance|credits?|funds|quota)|(out of|no( more)?|not enough|add( more)?) (balance|credits?|funds)\b|` +
			`(balance|credits?)( \w+)? (is |are )?(insufficient|too low|not enough|exhausted|used up|depleted)|exceeded your current quota|` +
			`billing hard limit|payment (is )?required|account .{0,40}(overdue|in arrears)|余额不足|欠费|额度不足`)},
	{record.Auth,
		[]string{"invalidapikey", "apikeyinvalid", "invalidauthentication", "invalidauthenticationerror", "authenticationerror", "unauthenticated", "unauthorized",
			"invalidtoken", "tokenexpired", "missingapikey"},
		regexp.MustCompile(`(invalid|incorrect|wrong|expired|missing|unknown|bad|no|malformed|disabled|revoked)( or \w+)? (x-)?(api[ _-]?(key|token)|access token|credentials|authentication|authorization( header)?)\b|` +
			`api[ _-]?key\b.{0,30}\b(invalid|not valid|expired|missing|required|incorrect|revoked|disabled|not found|not provided)|` +
			`\bunauthori[sz]ed\b|not authenticated|authentication (failed|fails|failure|required|error)|无效的令牌`)},
	{record.Model,
		[]string{"modelnotfound", "modelnotfounderror", "modelnotexist", "modelnotexists", "invalidmodel", "unknownmodel", "unsupportedmodel", "deploymentnotfound", "modelnotavailable"},
		regexp.MustCompile("\\b(model|deployment)s?\\b([^.;]|\\.[^ ]){0,100}\\b(does ?n[o']t exist|do(es)? not exist|not exist|not found|could ?n[o']t be found|is not deployed|not loaded|unknown)|" +
			`\b(no such|unknown|unsupported|invalid) (model|deployment)\b|is not a valid model|no models? (is |are )?loaded|not supported model`)},
	{record.Filtered, nil, regexp.MustCompile(`requires moderation|input was flagged`)},
}

// laterClasses are matched only after the status.
var laterClasses = []struct {
	class record.Class
	names []string
	words *regexp.Regexp
}{
	{record.ContextLength,
		[]string{"contextlengthexceeded", "exceedcontextsizeerror", "contextwindowexceeded", "contextwindowexceedederror", "stringabovemaxlength", "requesttoolarge"},
		regexp.MustCompile(`context[ _](length|window|size)|(prompt|input)( \w+)? (is |are )?too long|too many (input |prompt )?tokens|longer than the maximum|max_model_len|n_keep .{0,40}n_ctx|` +
			`contextwindowexceeded|maximum (prompt|input) length|must have less than \d+ tokens|tokens.{0,60} must be <=|max_(completion_)?tokens must be at least 1, got -|` +
			`(prompt|input)( tokens?| length)?[^.]{0,60}exceeds? [^.]{0,60}(limit|maximum|tokens?)|reduce (the|your) (length|prompt)`)},
	{record.Filtered,
		[]string{"contentfilter", "contentfiltered", "contentpolicyviolation", "responsibleaipolicyviolation", "datainspectionfailed"},
		regexp.MustCompile(`content (management )?policy|content filter|inappropriate content`)},
	{record.RateLimit,
		[]string{"ratelimitexceeded", "ratelimiterror", "ratelimit", "toomanyrequests", "resourceexhausted", "throttling", "throttlingexception", "throttled"},
		regexp.MustCompile(`rate limit(ed)?( \w+)? (exceeded|reached|hit|error)|rate[ -]limited|too many requests|\bthrottled\b|请求过于频繁`)},
}

// Patterns for bodies whose status says nothing more specific.
var (
	wrongAddress = regexp.MustCompile(`unexpected endpoint|invalid url\b|(unknown|no such|no matching|unsupported|invalid) (request )?(url|path|endpoint|route|method)|` +
		`\b(endpoint|route|path|url|page)( \S+)?( was)? not found|cannot (get|post) /|no route|method not allowed|^not found\.?$`)
	passing = regexp.MustCompile(`overload|temporar|try(ing)? again|retry|tim(e|ed)[ -]?out|unavailable|upstream|bad gateway|internal (server )?error|server error|\bbusy\b|(over|at) capacity|loading|繁忙`)
	lasting = regexp.MustCompile(`\b(invalid|required|missing|must|unsupported|not (supported|allowed|permitted|valid|found)|unknown|unrecognized|unexpected|deserialize|malformed|validation|bad request|exceeds?|denied|forbidden|disabled|cannot)\b`)

	passingNames = []string{"servererror", "internalerror", "internalservererror", "apierror", "overloadederror", "engineoverloaded", "serviceunavailable", "unavailable", "upstreamerror", "deadlineexceeded", "timeout"}
	lastingNames = []string{"invalidrequesterror", "badrequest", "badrequesterror", "invalidargument", "invalidparameter", "validationerror", "notfound", "notfounderror", "permissiondenied", "unprocessableentity"}
)

// classify determines the class of an error from its status (0 if it carries no
// information), the names in it, and its words.
func classify(status int, said *saying) record.Class {
	words := lower(said.message)
	named := func(names []string) bool {
		for _, n := range said.names {
			for _, name := range names {
				if n == name {
					return true
				}
			}
		}
		return false
	}
	switch status {
	case http.StatusPaymentRequired:
		return record.Quota
	case http.StatusUnauthorized:
		return record.Auth
	}
	refused := status/100 == 4 && status != http.StatusTooManyRequests // whatever it says about rates
	for _, c := range classes {
		if named(c.names) || c.words.MatchString(words) && (c.class != record.RateLimit || !refused) {
			return c.class
		}
	}
	switch {
	case status == http.StatusNotFound && strings.Contains(words, "model"), named([]string{"notfounderror"}) && strings.Contains(words, "model"):
		return record.Model
	case status == http.StatusForbidden:
		return record.Auth
	case (status == http.StatusTooManyRequests || status == http.StatusRequestEntityTooLarge) && strings.Contains(words, "request too large"):
		return record.ContextLength // larger than the limit per minute: waiting does not help
	case status == http.StatusTooManyRequests, status == 498: // Groq: no capacity at the moment
		return record.RateLimit
	}
	for _, c := range laterClasses {
		if named(c.names) || c.words.MatchString(words) && (c.class != record.RateLimit || !refused) {
			return c.class
		}
	}
	switch {
	case status == http.StatusRequestEntityTooLarge:
		return record.ContextLength
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly,
		status >= 500 && !addressStatus(status):
		return record.Server
	case status != 0:
		return record.Invalid
	case named(passingNames):
		return record.Server
	case named(lastingNames), wrongAddress.MatchString(words):
		return record.Invalid
	case passing.MatchString(words):
		return record.Server
	case lasting.MatchString(words):
		return record.Invalid
	}
	return record.Server // it may have been temporary
}
