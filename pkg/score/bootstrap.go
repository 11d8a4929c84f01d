package score

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
)

// DefaultResamples is the default number of resamples.
const DefaultResamples = 1000

// MaxResamples is the maximum number of resamples that Report draws, since it keeps the
// rates of each in memory.
const MaxResamples = 100_000

// An Interval is a 95 % confidence interval: from the 2.5th to the 97.5th percentile of
// the resamples, with linear interpolation.
//
// It is a percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap,
// 1993, chapter 13): a resample consists of as many sentences as there are, drawn with
// replacement, and is scored like the original. A label that does not occur in a resample
// scores 0 there and is left out of its macro mean.
type Interval struct{ Low, High float64 }

// Intervals are the intervals of one score.
type Intervals struct{ Precision, Recall, F1 Interval }

// rates contains precision, recall and F1 of one resample.
type rates [3]float64

func (c Counts) rates() rates { return rates{c.Precision(), c.Recall(), c.F1()} }

// resample adds the intervals to r. Each resample has its own generator, so it does not
// depend on which goroutine draws it.
func (s *Scorer) resample(r *Evaluation, order []int) {
	source := rand.New(rand.NewPCG(r.Seed, 0))
	generators := make([]rand.PCG, r.Resamples)
	for i := range generators {
		generators[i].Seed(source.Uint64(), source.Uint64())
	}
	// For each resample: all labels in order, then micro, then macro.
	width := len(order) + 2
	drawn := make([]rates, width*r.Resamples)
	workers := runtime.GOMAXPROCS(0)
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			sums := make([]Counts, len(s.labels))
			for i := w; i < r.Resamples; i += workers {
				s.draw(drawn[i*width:(i+1)*width], sums, order, rand.New(&generators[i]))
			}
		})
	}
	work.Wait()
	column := make([]float64, r.Resamples)
	intervals := func(at int) *Intervals {
		var ends [3]Interval
		for rate := range ends {
			for i := range column {
				column[i] = drawn[i*width+at][rate]
			}
			slices.Sort(column)
			ends[rate] = Interval{quantile(column, 0.025), quantile(column, 0.975)}
		}
		return &Intervals{ends[0], ends[1], ends[2]}
	}
	for i := range r.Labels {
		r.Labels[i].Intervals = intervals(i)
	}
	r.Micro.Intervals, r.Macro.Intervals = intervals(len(order)), intervals(len(order)+1)
}

// draw scores one resample into out. sums is scratch space.
func (s *Scorer) draw(out []rates, sums []Counts, order []int, generator *rand.Rand) {
	clear(sums)
	for n := len(s.ends); n > 0; n-- {
		i, begin := generator.IntN(len(s.ends)), 0
		if i > 0 {
			begin = s.ends[i-1]
		}
		for _, c := range s.counts[begin:s.ends[i]] {
			sums[c.label].add(c.Counts)
		}
	}
	var micro Counts
	for i, id := range order {
		micro.add(sums[id])
		out[i] = sums[id].rates()
	}
	m := macro(sums, order)
	out[len(order)], out[len(order)+1] = micro.rates(), rates{m.Precision, m.Recall, m.F1}
}

// quantile returns the q-quantile of values, which must be sorted and not empty.
func quantile(values []float64, q float64) float64 {
	at := q * float64(len(values)-1)
	i := int(at)
	if i+1 == len(values) {
		return values[i]
	}
	step := float64((at - float64(i)) * (values[i+1] - values[i])) // the conversion prevents a fused multiply-add, which would round differently on some machines
	return values[i] + step
}
