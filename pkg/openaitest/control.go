package openaitest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// control answers a call to the simulation itself, below /_sim/.
func (s *Server) control(w http.ResponseWriter, r *http.Request, path string) {
	id, setState := between(path, "batches/", "/state")
	switch {
	case r.Method == http.MethodGet && path == "now":
		s.writeNow(w)
	case r.Method == http.MethodPost && path == "advance":
		s.controlClock(w, r)
	case r.Method == http.MethodPost && setState:
		s.controlBatch(w, r, id)
	case r.Method == http.MethodGet && path == "billed":
		prompts, total := s.Billed(), 0
		for _, n := range prompts {
			total += n
		}
		writeControl(w, jsonReply(map[string]any{"total": total, "prompts": prompts}))
	case r.Method == http.MethodGet && path == "bills":
		w.Header().Set("Content-Type", "application/jsonl")
		out := json.NewEncoder(w)
		for _, b := range s.Bills() {
			if out.Encode(b) != nil {
				return // the client left
			}
		}
	default:
		writeControl(w, (&apiError{
			status: http.StatusNotFound, message: "no such control: " + r.Method + " /_sim/" + path,
		}).reply())
	}
}

func (s *Server) controlClock(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.FormValue("d"))
	if err == nil {
		err = s.Advance(d)
	}
	if err != nil {
		writeControl(w, badRequest("", "", "advance: %v", err).reply())
		return
	}
	s.writeNow(w)
}

func (s *Server) writeNow(w http.ResponseWriter) {
	writeControl(w, jsonReply(map[string]string{"now": s.Now().UTC().Format(time.RFC3339Nano)}))
}

func (s *Server) controlBatch(w http.ResponseWriter, r *http.Request, id string) {
	rows, err := -1, error(nil)
	if text := r.FormValue("rows"); text != "" {
		rows, err = strconv.Atoi(text)
	}
	if err == nil {
		err = s.SetBatchState(id, r.FormValue("to"), rows)
	}
	if err != nil {
		writeControl(w, badRequest("", "", "set state: %v", err).reply())
		return
	}
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	b := s.jobs.batches[id]
	looks := b.looks
	defer func() { b.looks = looks }() // this was no client's look
	writeControl(w, jsonReply(s.show(b)))
}

func writeControl(w http.ResponseWriter, rep response) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(rep.status)
	_, _ = w.Write(rep.body)
}
