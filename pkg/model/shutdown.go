package model

import "time"

// shutdowns are the days on which OpenAI shuts models down, of those that answer prompts:
// https://developers.openai.com/api/docs/deprecations, as of 2026-11-26. Snapshots and
// fine-tuned models go with the model that they are of.
var shutdowns = map[string]string{
	"gpt-3.5-turbo-instruct": "2026-09-28", "davinci-002": "2026-09-28", "babbage-002": "2026-09-28",

	"gpt-3.5-turbo": "2026-10-23", "gpt-3.5-turbo-0125": "2026-10-23", "gpt-4": "2026-10-23", "gpt-4-0613": "2026-10-23",
	"gpt-4-1106-preview": "2026-10-23", "gpt-4-turbo": "2026-10-23", "gpt-4.1-nano": "2026-10-23", "gpt-4o-2024-05-13": "2026-10-23",
	"o1": "2026-10-23", "o1-pro": "2026-10-23", "o3-mini": "2026-10-23", "o4-mini": "2026-10-23",

	"gpt-5": "2026-12-11", "gpt-5-mini": "2026-12-11", "gpt-5-nano": "2026-12-11", "gpt-5-pro": "2026-12-11",
	"o3": "2026-12-11", "o3-pro": "2026-12-11",

	"gpt-4o": "2027-01-14", "gpt-4o-mini": "2027-01-14", "gpt-4.1": "2027-01-14", "gpt-4.1-mini": "2027-01-14",

	"gpt-5.1": "2027-04-01",
}

// Shutdown returns the day on which OpenAI shuts the model down, in any form of its name.
// ok is false if none was known when the table was made.
func Shutdown(name string) (day time.Time, ok bool) {
	name = underlying(name)
	text, ok := shutdowns[name]
	if !ok {
		text, ok = shutdowns[Undated(name)]
	}
	if !ok {
		return day, false
	}
	day, err := time.Parse(time.DateOnly, text)
	return day, err == nil
}
