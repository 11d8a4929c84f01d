package report

import (
	"fmt"
	"math"
)

// A colour of a label, for a light and a dark page. Fore is legible on Back, and Mid
// stands out from the page in both themes.
type colour struct{ Back, Fore, Mid pair }

type pair struct{ Light, Dark string }

// String returns the pair as CSS.
func (p pair) String() string { return "light-dark(" + p.Light + ", " + p.Dark + ")" }

// colourOf returns the colour of the i-th label. Turning the hue by the golden angle
// keeps neighbours far apart, however many labels there are.
func colourOf(i int) colour {
	hue := math.Mod(255+float64(i)*137.508, 360)
	return colour{
		Back: pair{oklch(.92, .055, hue), oklch(.34, .065, hue)},
		Fore: pair{oklch(.38, .11, hue), oklch(.93, .05, hue)},
		Mid:  pair{oklch(.62, .13, hue), oklch(.66, .12, hue)},
	}
}

// oklch converts lightness (0 to 1), chroma and hue (degrees) into "#rrggbb", clipped to
// what a screen can show. The constants are from Björn Ottosson, "A perceptual color
// space for image processing" (2020).
func oklch(lightness, chroma, hue float64) string {
	a, b := chroma*math.Cos(hue*math.Pi/180), chroma*math.Sin(hue*math.Pi/180)
	l := cube(lightness + 0.3963377774*a + 0.2158037573*b)
	m := cube(lightness - 0.1055613458*a - 0.0638541728*b)
	s := cube(lightness - 0.0894841775*a - 1.2914855480*b)
	return fmt.Sprintf("#%02x%02x%02x",
		channel(+4.0767416621*l-3.3077115913*m+0.2309699292*s),
		channel(-1.2684380046*l+2.6097574011*m-0.3413193965*s),
		channel(-0.0041960863*l-0.7034186147*m+1.7076147010*s))
}

func cube(x float64) float64 { return x * x * x }

// channel returns the sRGB value of linear light from 0 to 1.
func channel(x float64) int {
	if x <= 0.0031308 {
		x *= 12.92
	} else {
		x = 1.055*math.Pow(x, 1/2.4) - 0.055
	}
	return int(math.Round(255 * min(max(x, 0), 1)))
}
