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
	X         int     // number of demonstrations
	F1        float64 // in [0,1]
	Low, High float64 // ends of its confidence interval
}

// PointOf returns the point of a score named METHOD.N, where N is the number of
// demonstrations; for other names, ok is false.
func PointOf(s *score.Summary) (p Point, ok bool) {
	method, number, _ := strings.Cut(s.Name, ".")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return p, false
	}
	p = Point{Name: s.Name, Group: method, X: n, F1: s.Micro.F1(), Low: s.Micro.F1(), High: s.Micro.F1()}
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
	groups    []string
	xs        []int // the numbers of demonstrations, without duplicates
	low, high int   // range of the F1 axis, in percent
}

// WriteComparisonSVG writes a chart of F1 over the number of demonstrations, with a line
// for each Group, in order of first occurrence, and a bar for each confidence interval.
// The F1 axis covers all intervals and need not begin at 0. It is an error if there are
// no points, or if a value is outside [0,1].
func WriteComparisonSVG(w io.Writer, points []Point) error {
	if len(points) == 0 {
		return errors.New("draw comparison: no scores")
	}
	p := plot{low: 100, high: 0}
	for _, pt := range points {
		for _, v := range []float64{pt.F1, pt.Low, pt.High} {
			if !(0 <= v && v <= 1) {
				return fmt.Errorf("draw comparison: %q: %v is not in [0,1]", pt.Name, v)
			}
			p.low = min(p.low, int(math.Floor(10*v))*10)
			p.high = max(p.high, int(math.Ceil(10*v))*10)
		}
		if !slices.Contains(p.groups, pt.Group) {
			p.groups = append(p.groups, pt.Group)
		}
		p.xs = append(p.xs, pt.X)
	}
	if p.low == p.high {
		p.low, p.high = max(p.low-10, 0), min(p.high+10, 100)
	}
	slices.Sort(p.xs)
	p.xs = slices.Compact(p.xs)
	p.open()
	p.axes()
	ends := make([]float64, len(p.groups))
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

// x returns the position of a number of demonstrations. Groups are slightly offset, so
// that their intervals do not hide each other.
func (p *plot) x(n, group int) float64 {
	first, last := p.xs[0], p.xs[len(p.xs)-1]
	inner := plotWidth - 60.0
	at := inner / 2
	if last > first {
		at = inner * float64(n-first) / float64(last-first)
	}
	return marginLeft + 30 + at + p.apart(group)
}

func (p *plot) apart(group int) float64 {
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
	p.printf("<title>F1 over the number of demonstrations</title>\n<style>\ntext { font: 13px system-ui, sans-serif; stroke: none }\n.line { fill: none; stroke-width: 2 }\n.end { text-anchor: end }\n.middle { text-anchor: middle }\n")
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

func (p *plot) axes() {
	for v := p.low; v <= p.high; v += 10 {
		y := p.y(float64(v))
		p.printf(`<path class="grid" d="M%d %.1fH%d"/><text class="end" x="%d" y="%.1f">%d</text>`+"\n", marginLeft, y, marginLeft+plotWidth, marginLeft-8, y+4, v)
	}
	last := math.Inf(-1)
	for _, n := range p.xs {
		if x := p.x(n, 0) - p.apart(0); x-last >= 24 { // closer numbers would overlap
			p.printf(`<text class="middle" x="%.1f" y="%d">%d</text>`+"\n", x, marginTop+plotHeight+20, n)
			last = x
		}
	}
	p.printf(`<text class="middle" x="%d" y="%d">demonstrations</text>`+"\n", marginLeft+plotWidth/2, marginTop+plotHeight+40)
	p.printf(`<text class="middle" transform="translate(16 %d) rotate(-90)">F1, %%</text>`+"\n", marginTop+plotHeight/2)
}

// line draws the points of a group and returns the y position of the last one.
func (p *plot) line(group int, points []Point) (y float64) {
	slices.SortStableFunc(points, func(a, b Point) int { return a.X - b.X })
	p.printf(`<g class="g%d">`+"\n"+`<path class="line" d="`, group)
	for i, pt := range points {
		p.printf("%c%.1f %.1f", "ML"[min(i, 1)], p.x(pt.X, group), p.y(100*pt.F1))
	}
	p.printf(`"/>` + "\n")
	for _, pt := range points {
		x, low, high := p.x(pt.X, group), p.y(100*pt.Low), p.y(100*pt.High)
		y = p.y(100 * pt.F1)
		p.printf(`<g><title>%s: %.2f (%.2f – %.2f)</title><circle cx="%.1f" cy="%.1f" r="3.5"/>`, xmlText(pt.Name), 100*pt.F1, 100*pt.Low, 100*pt.High, x, y)
		p.printf(`<path d="M%.1f %.1fV%.1fM%.1f %.1fh6M%.1f %.1fh6"/></g>`+"\n", x, low, high, x-3, low, x-3, high)
	}
	p.printf("</g>\n")
	return y
}

// names writes the name of each group beside the end of its line, as close as the other
// names allow.
func (p *plot) names(ends []float64) {
	const step = 17
	order := make([]int, len(ends))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ends[a], ends[b]) })
	at := make([]float64, len(ends))
	for i, g := range order {
		at[i] = ends[g]
		if i > 0 {
			at[i] = max(at[i], at[i-1]+step)
		}
	}
	for i := len(at) - 1; i >= 0; i-- { // names below the plot push the others up
		bottom := float64(marginTop + plotHeight - (len(at)-1-i)*step)
		at[i] = min(at[i], bottom)
	}
	for i, g := range order {
		from := p.x(p.xs[len(p.xs)-1], g)
		p.printf(`<path class="g%d" stroke-dasharray="2 3" d="M%.1f %.1fL%d %.1f"/><text x="%d" y="%.1f">%s</text>`+"\n",
			g, from+6, ends[g], marginLeft+plotWidth+4, at[i], marginLeft+plotWidth+8, at[i]+4, xmlText(p.groups[g]))
	}
}

// xmlText escapes s for XML.
func xmlText(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(plain(s))) // writing to a Buffer never fails
	return b.String()
}
