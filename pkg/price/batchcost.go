package price

import (
	"nertools/pkg/wire"
)

// MostOfBatch returns the most that the requests can cost as a batch, as [Table.Quote]
// estimates it. next returns io.EOF after the last one. The error is [ErrUnbounded], an
// [*UnknownPriceError], or that of next.
func (t *Table) MostOfBatch(next func() (wire.Request, error)) (Amount, error) {
	e, err := t.Count(next, 0, 0)
	if err != nil {
		return 0, err
	}
	var most Amount
	for _, m := range t.Quote(e, Standard, 0, 0).Models {
		switch {
		case m.Batch == nil:
			return 0, &UnknownPriceError{m.Name}
		case m.Batch.Max == nil:
			return 0, ErrUnbounded
		}
		most += AmountOf(*m.Batch.Max)
	}
	return most, nil
}
