// Package wire encodes and decodes the JSON of the OpenAI API: it turns a prompt into a
// request body, and a response body into a result or the reason why it is missing. It
// sends nothing, so a run and a batch send the same bytes, and programs that only read
// answers need no client.
package wire
