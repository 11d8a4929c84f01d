// Package wire owns the API's JSON: it turns a prompt into the body of a
// request, and the body of an answer into a result or the reason why there is
// none. It sends nothing, so that the same bytes go out in a run and in a batch,
// and programs that only read answers need no client.
package wire
