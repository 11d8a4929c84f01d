package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/score"
)

// drawing is what the tests look at in the picture.
type drawing struct {
	Width  float64 `xml:"width,attr"`
	Height float64 `xml:"height,attr"`
	Texts  []struct {
		X    float64 `xml:"x,attr"`
		Y    float64 `xml:"y,attr"`
		Text string  `xml:",chardata"`
	} `xml:"text"`
	Groups []struct {
		Points []struct {
			Title  string `xml:"title"`
			Circle struct {
				X float64 `xml:"cx,attr"`
				Y float64 `xml:"cy,attr"`
			} `xml:"circle"`
			Interval struct {
				D string `xml:"d,attr"`
			} `xml:"path"`
		} `xml:"g"`
	} `xml:"g"`
}

func draw(t *testing.T, points []Point) drawing {
	t.Helper()
	return drawOver(t, points, OverDemonstrations)
}

func drawOver(t *testing.T, points []Point, axis Axis) (d drawing) {
	t.Helper()
	var b bytes.Buffer
	if err := WriteComparisonSVG(&b, points, axis); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(b.Bytes(), &d); err != nil {
		t.Fatalf("%v in\n%s", err, b.Bytes())
	}
	return d
}

func points(methods ...string) (list []Point) {
	for _, n := range []int{16, 0, 8, 4} {
		for i, m := range methods {
			f1 := .4 + .005*float64(n)*float64(i+1)
			list = append(list, Point{Name: fmt.Sprint(m, ".", n), Group: m, X: float64(n), F1: f1, Low: f1 - .03, High: f1 + .02})
		}
	}
	return list
}

func TestAPictureHasEveryScoreInItsPlace(t *testing.T) {
	d := draw(t, points("random", "bm25", "embedding"))
	height := map[string]float64{} // of the numbers on the axis
	for _, text := range d.Texts {
		if text.X < marginLeft {
			height[text.Text] = text.Y - 4
		}
	}
	y := func(f1 float64) float64 {
		return height["40"] + (100*f1-40)/10*(height["50"]-height["40"])
	}
	if len(d.Groups) != 3 {
		t.Fatalf("%d lines, want 3", len(d.Groups))
	}
	for i, g := range d.Groups {
		for j, pt := range g.Points {
			n := []int{0, 4, 8, 16}[j]
			f1 := .4 + .005*float64(n)*float64(i+1)
			if math.Abs(pt.Circle.Y-y(f1)) > .11 {
				t.Errorf("line %d, %d demonstrations: F1 %.3f at height %.1f, want %.1f", i, n, f1, pt.Circle.Y, y(f1))
			}
			ends := strings.FieldsFunc(pt.Interval.D, func(r rune) bool { return strings.ContainsRune("MVh ", r) })
			low, high := number(t, ends[1]), number(t, ends[2])
			if math.Abs(low-y(f1-.03)) > .11 || math.Abs(high-y(f1+.02)) > .11 {
				t.Errorf("line %d, %d demonstrations: the interval is from %.1f to %.1f, want %.1f to %.1f", i, n, low, high, y(f1-.03), y(f1+.02))
			}
			if j == 3 { // 8 is half way between 0 and 16
				if got, want := g.Points[2].Circle.X, (g.Points[0].Circle.X+pt.Circle.X)/2; math.Abs(got-want) > .11 {
					t.Errorf("line %d: 8 demonstrations stand at %.1f, want %.1f", i, got, want)
				}
			}
		}
	}
}

func TestAPictureOverCostsBeginsAtNothing(t *testing.T) {
	var list []Point
	for i, cost := range []float64{.06, .12, .33} {
		s := &score.Summary{Name: fmt.Sprint("way.", 4<<i), Sentences: 500, Micro: score.Score{Counts: score.Counts{TP: 1, FP: 1, FN: 1}}, Calls: &score.Calls{Input: 7, Cost: cost / 2, Currency: "USD"}}
		p, ok := PointOf(s, OverCost)
		if !ok || math.Abs(p.X-cost) > 1e-9 || p.Group != "way" {
			t.Fatalf("%+v", p)
		}
		list = append(list, p)
	}
	d := drawOver(t, list, OverCost)
	at := map[string]float64{} // of the numbers below the axis
	for _, text := range d.Texts {
		at[text.Text] = text.X
	}
	if _, ok := at["cost of 1,000 sentences, USD"]; !ok {
		t.Errorf("the axis has no title: %v", at)
	}
	if len(d.Groups) != 1 || len(d.Groups[0].Points) != 3 {
		t.Fatalf("%+v", d.Groups)
	}
	for i, pt := range d.Groups[0].Points {
		if want := at["0"] + list[i].X/0.1*(at["0.1"]-at["0"]); math.Abs(pt.Circle.X-want) > .11 {
			t.Errorf("%v is at %.1f, want %.1f", list[i].X, pt.Circle.X, want)
		}
	}
	if at["0.4"] <= at["0.3"] || at["0.5"] != 0 {
		t.Errorf("the axis ends elsewhere than at 0.4: %v", at)
	}
}

func TestAScoreWithoutCostsHasNoPlaceOverThem(t *testing.T) {
	for _, s := range []score.Summary{
		{Name: "a.4", Sentences: 5},
		{Name: "a.4", Sentences: 5, Calls: &score.Calls{Cost: math.NaN()}},
		{Name: "a.4", Calls: &score.Calls{Cost: 1}},
	} {
		if p, ok := PointOf(&s, OverCost); ok || p != (Point{}) {
			t.Errorf("%+v: %+v", s.Calls, p)
		}
	}
	calls := &score.Calls{Input: 900, Output: 100, Cost: math.NaN()}
	if p, ok := PointOf(&score.Summary{Name: "markup.bm25.4", Sentences: 5, Calls: calls}, OverTokens); !ok || p.X != 200 || p.Group != "markup.bm25.4" {
		t.Errorf("%+v, %v", p, ok)
	}
}

func TestNumbersAtAnAxisAreRound(t *testing.T) {
	for x, want := range map[float64][]float64{0: {0, .2, .4, .6, .8, 1}, 5: {0, 1, 2, 3, 4, 5}, 5.1: {0, 2, 4, 6}, 0.33: {0, .1, .2, .3, .4}, 1234: {0, 500, 1000, 1500}} {
		got := roundNumbers(x)
		if !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
			t.Errorf("%v: %v, want %v", x, got, want)
		}
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNamesInAPictureStandApartAndInside(t *testing.T) {
	methods := strings.Fields("a b c d e f g h i j a-very-long-name-of-a-method-that-goes-on")
	var list []Point
	for _, m := range methods {
		list = append(list, Point{Group: m, F1: .5, Low: .5, High: .5})
	}
	d := draw(t, list)
	var at []float64
	for _, text := range d.Texts {
		if slices.Contains(methods, text.Text) {
			at = append(at, text.Y)
			if end := text.X + 7.5*float64(len(text.Text)); end > d.Width || text.Y > d.Height || text.Y < 10 {
				t.Errorf("%s ends at (%.0f, %.0f) in a picture of %.0f × %.0f", text.Text, end, text.Y, d.Width, d.Height)
			}
		}
	}
	slices.Sort(at)
	for i := range at[1:] {
		if at[i+1]-at[i] < 15 {
			t.Errorf("two names stand at %.1f and %.1f", at[i], at[i+1])
		}
	}
	if len(at) != len(methods) {
		t.Errorf("%d names, want %d", len(at), len(methods))
	}
}

func TestNamesInAPictureStayText(t *testing.T) {
	for _, s := range hostile {
		d := draw(t, []Point{{Name: s, Group: s, X: 4, F1: .5, Low: .4, High: .6}})
		if diff := cmp.Diff(plain(s), d.Texts[len(d.Texts)-1].Text); diff != "" {
			t.Error(diff)
		}
		if got := d.Groups[0].Points[0].Title; got != plain(s)+": 50.00 (40.00 – 60.00)" {
			t.Errorf("the title is %q", got)
		}
	}
}

func TestTheSameScoresGiveTheSamePicture(t *testing.T) {
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := WriteComparisonSVG(w, points("x", "y"), OverDemonstrations); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(a.String(), b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeDrawnIsAnError(t *testing.T) {
	for _, c := range []struct {
		name   string
		points []Point
		want   string
	}{
		{"nothing", nil, "draw comparison: no scores"},
		{"not a number", []Point{{Name: "a", F1: math.NaN()}}, `draw comparison: "a": NaN is not in [0,1]`},
		{"percent", []Point{{Name: "a", F1: .5, High: 60}}, `draw comparison: "a": 60 is not in [0,1]`},
		{"two currencies", []Point{{Name: "a", Currency: "USD"}, {Name: "b", Currency: "EUR"}}, `draw comparison: "b": its cost is in EUR, that of "a" in USD`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := WriteComparisonSVG(&b, c.points, OverDemonstrations); err == nil || err.Error() != c.want || b.Len() > 0 {
				t.Errorf("%v, %d bytes written; want %s", err, b.Len(), c.want)
			}
		})
	}
}

func TestTheNameOfAScoreSaysItsPlace(t *testing.T) {
	micro := score.Score{Counts: score.Counts{TP: 1, FP: 1, FN: 1}}
	for name, want := range map[string]Point{
		"bm25.8":   {Name: "bm25.8", Group: "bm25", X: 8, F1: 0.5, Low: 0.5, High: 0.5},
		"random.0": {Name: "random.0", Group: "random", F1: 0.5, Low: 0.5, High: 0.5},
		"bm25":     {}, "bm25.-1": {}, "bm25.x": {}, "bm25.8.9": {}, "": {},
	} {
		if got, ok := PointOf(&score.Summary{Name: name, Micro: micro}, OverDemonstrations); got != want || ok != (want != Point{}) {
			t.Errorf("%q: %+v, %v", name, got, ok)
		}
	}
	micro.Intervals = &score.Intervals{F1: score.Interval{Low: 0.25, High: 0.75}}
	if got, _ := PointOf(&score.Summary{Name: "a.1", Micro: micro}, OverDemonstrations); got.Low != 0.25 || got.High != 0.75 {
		t.Errorf("%+v", got)
	}
}
