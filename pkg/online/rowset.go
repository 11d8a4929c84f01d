package online

import (
	"fmt"

	"nertools/pkg/english"
	"nertools/pkg/record"
)

// rowSet holds which rows of one source were asked: a bit each.
type rowSet struct {
	source string
	total  int
	pages  map[int]*[pageRows / 64]uint64
}

const pageRows = 1 << 16

// add takes a row in. It is an error if the row is in already, or is one of
// another source or of a source of another size: such results could not be
// collected.
func (s *rowSet) add(r *record.Result) error {
	source, _, _, _ := record.ParseID(r.ID)
	if s.pages == nil {
		s.source, s.total, s.pages = source, r.Total, map[int]*[pageRows / 64]uint64{}
	}
	if source != s.source {
		return fmt.Errorf("a row of source %q among those of %q", source, s.source)
	}
	if r.Total != s.total {
		return fmt.Errorf("a row of a source of %s among those of a source of %d", english.Count(r.Total, "row"), s.total)
	}
	page := s.pages[r.Index/pageRows]
	if page == nil {
		page = new([pageRows / 64]uint64)
		s.pages[r.Index/pageRows] = page
	}
	word, bit := &page[r.Index%pageRows/64], uint64(1)<<(r.Index%64)
	if *word&bit != 0 {
		return fmt.Errorf("duplicate row %d", r.Index)
	}
	*word |= bit
	return nil
}
