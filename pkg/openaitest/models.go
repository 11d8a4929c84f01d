package openaitest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// models answers GET /v1/models, and GET /v1/models/{id} where id isn't empty.
func (s *Server) models(x *servedCall, id string) response {
	x.call.Op, x.call.Model = opListModels, id
	if id != "" {
		x.call.Op = opModel
	}
	if bad := s.checkKey(x.r); bad != nil {
		return bad.reply()
	}
	var rep response
	switch {
	case id == "":
		rep = response{status: http.StatusOK, body: appendModelList(nil, s.opt.Models)}
	case s.exists(id):
		rep = response{status: http.StatusOK, body: append(appendModel(nil, id), '\n')}
	default:
		rep = unknownModel(id).reply()
	}
	if f := s.script.hit(attempt{op: x.call.Op, path: x.r.URL.Path, model: id}); f != nil {
		rep = f.spoil(rep)
	}
	rep.wait += s.latency(x.call.Seq)
	return rep
}

func appendModelList(b []byte, ids []string) []byte {
	b = append(b, `{"object":"list","data":[`...)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendModel(b, id)
	}
	return append(b, "]}\n"...)
}

func appendModel(b []byte, id string) []byte {
	b = append(b, `{"id":`...)
	b = gjson.AppendJSONString(b, id)
	b = append(b, `,"object":"model","created":1700000000,"owned_by":"simulated","shutdown_date":`...)
	b = appendStringOrNull(b, shutdownDates[id])
	return append(b, '}')
}

// shutdownDates holds the dates that the service has announced.
var shutdownDates = map[string]string{
	"gpt-3.5-turbo-instruct": "2026-09-28",
	"davinci-002":            "2026-09-28",
	"babbage-002":            "2026-09-28",
	"gpt-3.5-turbo":          "2026-10-23",
	"gpt-4":                  "2026-10-23",
	"gpt-4-turbo":            "2026-10-23",
	"o1":                     "2026-10-23",
	"o3-mini":                "2026-10-23",
	"o4-mini":                "2026-10-23",
	"gpt-5":                  "2026-12-11",
	"gpt-5-mini":             "2026-12-11",
	"gpt-5-nano":             "2026-12-11",
	"o3":                     "2026-12-11",
	"gpt-4o":                 "2027-01-14",
	"gpt-4o-mini":            "2027-01-14",
	"gpt-4.1":                "2027-01-14",
	"gpt-4.1-mini":           "2027-01-14",
}

func (s *Server) exists(model string) bool {
	return len(s.opt.Models) == 0 || slices.Contains(s.opt.Models, model)
}

func unknownModel(id string) *apiError {
	return &apiError{
		status:  http.StatusNotFound,
		message: "The model `" + id + "` does not exist or you do not have access to it.",
		code:    "model_not_found",
	}
}

// checkModel refuses what the request's model can't do.
func (s *Server) checkModel(req completionRequest, api *completionAPI) *apiError {
	if !s.exists(req.model) {
		return unknownModel(req.model)
	}
	if bad := wrongEndpoint(req.model, api); bad != nil {
		return bad
	}
	for _, name := range s.opt.Unsupported {
		if slices.Contains(req.given, name) {
			return unsupportedParameter(name, "")
		}
	}
	if s.opt.RealModels {
		rules := rulesOf(req.model)
		return rules.refuse(&req)
	}
	if !reasons(req.model) {
		return nil
	}
	if slices.Contains(req.given, "max_tokens") {
		return unsupportedParameter("max_tokens", " Use 'max_completion_tokens' instead.")
	}
	if takesSampling(req.model) {
		return nil
	}
	if req.temperature != 1 {
		return onlyDefault("temperature", req.temperature)
	}
	if req.topP != 1 {
		return onlyDefault("top_p", req.topP)
	}
	return nil
}

func onlyDefault(param string, value float64) *apiError {
	return badRequest("unsupported_value", param,
		"Unsupported value: '%s' does not support %s with this model. Only the default (1) value is supported.",
		param, strconv.FormatFloat(value, 'g', -1, 64))
}

// wrongEndpoint refuses a model that is known to belong to the other endpoint.
// A name of neither family, such as a compatible server's, fits both.
func wrongEndpoint(model string, api *completionAPI) *apiError {
	message := ""
	switch {
	case api.chat && isLegacy(model):
		message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint. " +
			"Did you mean to use v1/completions?"
	case !api.chat && isChat(model):
		message = "This is a chat model and not supported in the v1/completions endpoint. " +
			"Did you mean to use v1/chat/completions?"
	default:
		return nil
	}
	return &apiError{status: http.StatusNotFound, message: message, param: "model"}
}

// base is the model that a fine-tuned one ("ft:base:…") was made from.
func base(model string) string {
	tuned, ok := strings.CutPrefix(model, "ft:")
	if !ok {
		return model
	}
	name, _, _ := strings.Cut(tuned, ":")
	return name
}

func isLegacy(model string) bool {
	model = base(model)
	return strings.HasPrefix(model, "gpt-3.5-turbo-instruct") || model == "davinci-002" || model == "babbage-002"
}

func isChat(model string) bool {
	name := base(model)
	chat := strings.HasPrefix(name, "gpt-") || strings.HasPrefix(name, "chatgpt-") || isOSeries(name)
	return chat && !isLegacy(model)
}

// reasons tells the gpt-5 family and the o-series, which think before they
// answer and for that take fewer parameters.
func reasons(model string) bool {
	name := base(model)
	return strings.HasPrefix(name, "gpt-5") || isOSeries(name)
}

// isOSeries tells o1, o3-mini and the like.
func isOSeries(name string) bool {
	return len(name) >= 2 && name[0] == 'o' && '1' <= name[1] && name[1] <= '9'
}

// takesSampling tells the models of the gpt-5 family, 5.4 and later, that take
// temperature and top_p again.
func takesSampling(model string) bool {
	version, ok := strings.CutPrefix(base(model), "gpt-5.")
	if !ok {
		return false
	}
	digits := version[:len(version)-len(strings.TrimLeft(version, "0123456789"))]
	minor, err := strconv.Atoi(digits)
	return err == nil && minor >= 4
}
