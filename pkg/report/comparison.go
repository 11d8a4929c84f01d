package report

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"nertools/pkg/score"
)

// A Point is one score in a chart that compares methods.
type Point struct {
	Name      string  // name of the score
	Group     string  // the method; a line joins its points
	X         float64 // where it is on the axis
	Currency  string  // of X, over costs
	F1        float64 // in [0,1]
	Low, High float64 // ends of its confidence interval
}

// An Axis is what a chart shows F1 over.
type Axis uint8

// The axes of charts.
const (
	OverDemonstrations Axis = iota // their number
	OverCost                       // of 1,000 sentences
	OverTokens                     // in and out, of a sentence
)

// PointOf returns the point of a score. One named METHOD.N, where N is the number of
// demonstrations, belongs to the group METHOD, any other name is a group of its own. ok is
// false if the score does not say where it is on the axis: by its name, or by its Calls.
func PointOf(s *score.Summary, axis Axis) (p Point, ok bool) {
	p = Point{Name: s.Name, Group: s.Name, F1: s.Micro.F1(), Low: s.Micro.F1(), High: s.Micro.F1()}
	method, number, _ := strings.Cut(s.Name, ".")
	n, err := strconv.Atoi(number)
	numbered := err == nil && n >= 0
	if numbered {
		p.Group = method
	}
	switch {
	case axis == OverDemonstrations:
		p.X, ok = float64(n), numbered
	case s.Calls == nil || s.Sentences == 0:
	case axis == OverCost:
		p.X, p.Currency, ok = 1000*s.Calls.Cost/float64(s.Sentences), s.Calls.Currency, !math.IsNaN(s.Calls.Cost)
	default:
		p.X, ok = float64(s.Calls.Input+s.Calls.Output)/float64(s.Sentences), true
	}
	if !ok {
		return Point{}, false
	}
	if s.Micro.Intervals != nil {
		p.Low, p.High = s.Micro.Intervals.F1.Low, s.Micro.Intervals.F1.High
	}
	return p, true
}

// The chart in pixels: the margins, and the plot itself.
const (
	marginLeft, marginTop, marginBottom = 56, 16, 48
	plotWidth, plotHeight               = 480, 320
)

// A plot maps values to positions in the chart.
type plot struct {
	bytes.Buffer
	axis      Axis
	currency  string
	groups    []string
	xs        []float64 // the marks on the axis, from the lowest to the highest
	low, high int       // range of the F1 axis, in percent
}

// WriteComparisonSVG writes a chart of F1 over an axis, with a line for each Group, in
// order of first occurrence, and a bar for each confidence interval. The F1 axis covers
// all intervals and need not begin at 0; costs and tokens begin at 0. It is an error if
// there are no points, if an F1 is outside [0,1], or if there are two currencies.
func WriteComparisonSVG(w io.Writer, points []Point, axis Axis) error {
	if len(points) == 0 {
		return errors.New("draw comparison: no scores")
	}
	p := plot{axis: axis, currency: points[0].Currency, low: 100, high: 0}
	for _, pt := range points {
		for _, v := range []float64{pt.F1, pt.Low, pt.High} {
			if !(0 <= v && v <= 1) {
				return fmt.Errorf("draw comparison: %q: %v is not in [0,1]", pt.Name, v)
			}
			p.low = min(p.low, int(math.Floor(10*v))*10)
			p.high = max(p.high, int(math.Ceil(10*v))*10)
		}
		if pt.Currency != p.currency {
			return fmt.Errorf("draw comparison: %q: its cost is in %s, that of %q in %s", pt.Name, pt.Currency, points[0].Name, p.currency)
		}
		if !slices.Contains(p.groups, pt.Group) {
			p.groups = append(p.groups, pt.Group)
		}
		p.xs = append(p.xs, pt.X)
	}
	if p.low == p.high {
		p.low, p.high = max(p.low-10, 0), min(p.high+10, 100)
	}
	if axis == OverDemonstrations {
		slices.Sort(p.xs)
		p.xs = slices.Compact(p.xs)
	} else {
		p.xs = roundNumbers(slices.Max(p.xs))
	}
	p.open()
	p.axes()
	ends := make([]end, len(p.groups))
	for i, group := range p.groups {
		ends[i] = p.line(i, slices.DeleteFunc(slices.Clone(points), func(pt Point) bool { return pt.Group != group }))
	}
	p.names(ends)
	p.WriteString("</svg>\n")
	if _, err := p.WriteTo(w); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

func (p *plot) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// roundNumbers returns 0 and a few round numbers above it, of which the last is at least x.
func roundNumbers(x float64) []float64 {
	if !(x > 0) {
		x = 1
	}
	unit := math.Pow10(int(math.Floor(math.Log10(x / 5))))
	step := 10 * unit
	for _, n := range []float64{5, 2, 1} {
		if n*unit >= x/5 {
			step = n * unit
		}
	}
	list := []float64{0}
	for i := 1; list[len(list)-1] < x; i++ {
		list = append(list, float64(i)*step)
	}
	return list
}

// x returns the position of a value. Numbers of demonstrations are the same in all groups,
// which are slightly offset, so that their intervals do not hide each other.
func (p *plot) x(value float64, group int) float64 {
	first, last := p.xs[0], p.xs[len(p.xs)-1]
	inner := plotWidth - 60.0
	at := inner / 2
	if last > first {
		at = inner * (value - first) / (last - first)
	}
	return marginLeft + 30 + at + p.apart(group)
}

func (p *plot) apart(group int) float64 {
	if p.axis != OverDemonstrations {
		return 0
	}
	return min(8, 40/float64(len(p.groups))) * (float64(group) - float64(len(p.groups)-1)/2)
}

// y returns the position of a value in percent.
func (p *plot) y(percent float64) float64 {
	return marginTop + plotHeight*(float64(p.high)-percent)/float64(p.high-p.low)
}

func (p *plot) open() {
	longest := 0
	for _, group := range p.groups {
		longest = max(longest, utf8.RuneCountInString(plain(group)))
	}
	width, height := marginLeft+plotWidth+24+8*longest, marginTop+plotHeight+marginBottom
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n", width, height, width, height)
	over := p.title()
	if p.axis == OverDemonstrations {
		over = "the number of demonstrations"
	}
	p.printf("<title>F1 over %s</title>\n<style>\ntext { font: 13px system-ui, sans-serif; stroke: none }\n.line { fill: none; stroke-width: 2 }\n.end { text-anchor: end }\n.middle { text-anchor: middle }\n", over)
	p.rules("#fdfdfc", "#1d1f23", "#dcdcd8", func(c pair) string { return c.Light })
	p.printf("@media (prefers-color-scheme: dark) {\n")
	p.rules("#16171a", "#e7e7e9", "#34373d", func(c pair) string { return c.Dark })
	p.printf("}\n</style>\n"+`<rect class="paper" width="%d" height="%d"/>`+"\n", width, height)
}

// rules writes the colours of one theme, without CSS variables, which some SVG renderers
// don't support.
func (p *plot) rules(paper, ink, grid string, of func(pair) string) {
	p.printf(".paper { fill: %s }\ntext { fill: %s }\n.grid { stroke: %s }\n", paper, ink, grid)
	for i := range p.groups {
		c := of(colourOf(i).Mid)
		p.printf(".g%d { stroke: %s; fill: %s }\n", i, c, c)
	}
}

// title returns the words at the axis.
func (p *plot) title() string {
	switch p.axis {
	case OverCost:
		return "cost of 1,000 sentences, " + xmlText(p.currency)
	case OverTokens:
		return "tokens per sentence, in and out"
	}
	return "demonstrations"
}

func (p *plot) axes() {
	for v := p.low; v <= p.high; v += 10 {
		y := p.y(float64(v))
		p.printf(`<path class="grid" d="M%d %.1fH%d"/><text class="end" x="%d" y="%.1f">%d</text>`+"\n", marginLeft, y, marginLeft+plotWidth, marginLeft-8, y+4, v)
	}
	last := math.Inf(-1)
	for _, n := range p.xs {
		text := strconv.FormatFloat(n, 'g', 6, 64)     // 3 × 0.1 is 0.30000000000000004
		if x := p.x(n, 0) - p.apart(0); x-last >= 24 { // closer numbers would overlap
			p.printf(`<text class="middle" x="%.1f" y="%d">%s</text>`+"\n", x, marginTop+plotHeight+20, text)
			last = x
		}
	}
	p.printf(`<text class="middle" x="%d" y="%d">%s</text>`+"\n", marginLeft+plotWidth/2, marginTop+plotHeight+40, p.title())
	p.printf(`<text class="middle" transform="translate(16 %d) rotate(-90)">F1, %%</text>`+"\n", marginTop+plotHeight/2)
}

// end is the position of the last point of a line.
type end struct{ x, y float64 }

// line draws the points of a group and returns the end of the line.
func (p *plot) line(group int, points []Point) (last end) {
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	p.printf(`<g class="g%d">`+"\n"+`<path class="line" d="`, group)
	for i, pt := range points {
		p.printf("%c%.1f %.1f", "ML"[min(i, 1)], p.x(pt.X, group), p.y(100*pt.F1))
	}
	p.printf(`"/>` + "\n")
	for _, pt := range points {
		x, y, low, high := p.x(pt.X, group), p.y(100*pt.F1), p.y(100*pt.Low), p.y(100*pt.High)
		last = end{x, y}
		p.printf(`<g><title>%s: %.2f (%.2f – %.2f)</title><circle cx="%.1f" cy="%.1f" r="3.5"/>`, xmlText(pt.Name), 100*pt.F1, 100*pt.Low, 100*pt.High, x, y)
		p.printf(`<path d="M%.1f %.1fV%.1fM%.1f %.1fh6M%.1f %.1fh6"/></g>`+"\n", x, low, high, x-3, low, x-3, high)
	}
	p.printf("</g>\n")
	return last
}

// names writes the name of each group beside the end of its line, as close as the other
// names allow.
func (p *plot) names(ends []end) {
	const step = 17
	order := make([]int, len(ends))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ends[a].y, ends[b].y) })
	at := make([]float64, len(ends))
	for i, g := range order {
		at[i] = ends[g].y
		if i > 0 {
			at[i] = max(at[i], at[i-1]+step)
		}
	}
	for i := len(at) - 1; i >= 0; i-- { // names below the plot push the others up
		bottom := float64(marginTop + plotHeight - (len(at)-1-i)*step)
		at[i] = min(at[i], bottom)
	}
	for i, g := range order {
		p.printf(`<path class="g%d" stroke-dasharray="2 3" d="M%.1f %.1fL%d %.1f"/><text x="%d" y="%.1f">%s</text>`+"\n",
			g, ends[g].x+6, ends[g].y, marginLeft+plotWidth+4, at[i], marginLeft+plotWidth+8, at[i]+4, xmlText(p.groups[g]))
	}
}

// xmlText escapes s for XML.
func xmlText(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(plain(s))) // writing to a Buffer never fails
	return b.String()
}
