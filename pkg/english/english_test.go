package english_test

import (
	"testing"

	"nertools/pkg/english"
)

func TestANounAgreesWithItsNumber(t *testing.T) {
	for _, c := range []struct {
		n          int
		noun, want string
	}{
		{0, "row", "0 rows"}, {1, "row", "1 row"}, {2, "row", "2 rows"}, {1000, "token", "1000 tokens"},
		{1, "entity", "1 entity"}, {2, "entity", "2 entities"}, {3, "retry", "3 retries"}, {2, "day", "2 days"},
		{2, "batch", "2 batches"}, {2, "earlier answer", "2 earlier answers"}, {1, "earlier answer", "1 earlier answer"},
	} {
		if got := english.Count(c.n, c.noun); got != c.want {
			t.Errorf("%d of %q: %q, want %q", c.n, c.noun, got, c.want)
		}
	}
}
