package service

import (
	"context"
	"fmt"
	"time"

	"nertools/pkg/english"
	"nertools/pkg/model"
	"nertools/pkg/openaiapi"
)

// notice is how long before a model is shut down it is time to say so.
const notice = 60 * 24 * time.Hour

// modelWait is how long the service has to say when it shuts a model down.
const modelWait = 10 * time.Second

// A Calendar knows when its models are shut down. openaiapi.Client is one.
type Calendar interface {
	Provider() openaiapi.Provider
	Shutdown(ctx context.Context, model string) (day time.Time, announced bool, err error)
}

// SayShutdown says when the model is shut down, if that day has passed or is near. It asks
// OpenAI, once; of other services, and if OpenAI does not answer, it takes the day from our
// table. Azure has days of its own, so of its models it says nothing.
func SayShutdown(ctx context.Context, client Calendar, name string, now time.Time, say func(string)) {
	day, ok := model.Shutdown(name)
	switch client.Provider() {
	case openaiapi.Azure:
		return
	case openaiapi.OpenAI:
		asking, cancel := context.WithTimeout(ctx, modelWait)
		defer cancel()
		if said, announced, err := client.Shutdown(asking, name); err == nil {
			day, ok = said, announced
		}
	}
	if text := shutdown(name, day, now); ok && text != "" {
		say(text)
	}
}

// shutdown returns what to say about a model that is shut down on a day, or "".
func shutdown(name string, day, now time.Time) string {
	left := day.Sub(now.UTC().Truncate(24 * time.Hour))
	switch {
	case left > notice:
		return ""
	case left > 0:
		return fmt.Sprintf("OpenAI shuts %s down on %s, in %s: choose another --model soon", name, day.Format(time.DateOnly), english.Count(int(left.Hours()/24), "day"))
	}
	return fmt.Sprintf("OpenAI shut %s down on %s: choose another --model", name, day.Format(time.DateOnly))
}
