package catalog_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/catalog"
	"nertools/pkg/fault"
)

func parse(t testing.TB, text string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Parse("c.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// contents spells a catalogue out, for comparing.
func contents(t testing.TB, c *catalog.Catalog) []catalog.DataSet {
	t.Helper()
	var sets []catalog.DataSet
	for _, name := range c.Names() {
		d, err := c.DataSet(name)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, d)
	}
	return sets
}

func TestBuiltinHasTheDocumentedDataSetsAndLabels(t *testing.T) {
	want := map[string]string{
		"CONLL":     "PER LOC ORG MISC",
		"ONTONOTES": "PERSON NORP FAC ORG GPE LOC PRODUCT EVENT WORK_OF_ART LAW LANGUAGE DATE TIME PERCENT MONEY QUANTITY ORDINAL CARDINAL",
		"WNUT":      "corporation creative-work group location person product",
		"ACE2004":   "GPE ORG PER FAC VEH LOC WEA",
		"ACE2005":   "GPE ORG PER FAC VEH LOC WEA",
		"GENIA":     "DNA RNA protein cell_line cell_type",
		"MSRA":      "NR NS NT",
		"ZHONTO":    "GPE LOC ORG PER",
		"VISTEC": "PER ROLE ORG_GOV ORG_COM MEDIA_FIN TICKER FUND METRIC_FIN ACT_FIN DATE_TIME PRO_FIN PRO_GEN SERVICE_FIN " +
			"LOC_PLACE LOC_WORLD LOC_COUNTR LOC_LOCALRE LOC_ADD",
		"CROSSNER_POLITICS":   "country politician election politicalparty event person location organisation misc",
		"CROSSNER_SCIENCE":    "scientist person university organisation country location discipline enzyme protein chemicalelement chemicalcompound astronomicalobject academicjournal event theory award misc",
		"CROSSNER_MUSIC":      "musicgenre song band album musicalartist musicalinstrument award event country location organisation person misc",
		"CROSSNER_LITERATURE": "book writer award poem event magazine literarygenre person location organisation country misc",
		"CROSSNER_AI":         "field task product algorithm researcher metrics programlang conference university country person organisation location misc",
		"MIT_MOVIE":           "ACTOR CHARACTER DIRECTOR GENRE PLOT RATING RATINGS_AVERAGE REVIEW SONG TITLE TRAILER YEAR",
		"MIT_RESTAURANT":      "Amenity Cuisine Dish Hours Location Price Rating Restaurant_Name",
		"BC5CDR":              "Chemical Disease",
		"NCBI":                "Disease",
		"JNLPBA":              "DNA RNA protein cell_line cell_type",
		"TWEETNER7":           "corporation creative_work event group location product person",
		"WIKIANN":             "PER LOC ORG",
		"MASAKHANER":          "PER ORG LOC DATE",
		"FEWNERD":             "art building event location organization other person product",
		"MULTINERD":           "PER ORG LOC ANIM BIO CEL DIS EVE FOOD INST MEDIA MYTH PLANT TIME VEHI",
		"GERMEVAL":            "PER LOC ORG OTH PERderiv PERpart LOCderiv LOCpart ORGderiv ORGpart OTHderiv OTHpart",
		"I2B2_2010":           "problem treatment test",
		"PLAIN":               "PER LOC ORG MISC",
	}
	got := make(map[string]string)
	for _, d := range contents(t, catalog.Builtin()) {
		got[d.Name] = strings.Join(d.Keys(), " ")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestBuiltinTextsFitIntoAPrompt(t *testing.T) {
	for _, d := range contents(t, catalog.Builtin()) {
		names := make(map[string]bool)
		for _, l := range d.Labels {
			if names[l.Name] {
				t.Errorf("%s %s: another label is called %q too", d.Name, l.Key, l.Name)
			}
			names[l.Name] = true
			for _, s := range []string{l.Name, l.Description} {
				if s != strings.Join(strings.Fields(s), " ") {
					t.Errorf("%s %s: stray white space in %q", d.Name, l.Key, s)
				}
				// An answer marks entities so; a description must not look like one.
				if strings.Contains(s, "@@") || strings.Contains(s, "##") {
					t.Errorf("%s %s: entity marks in %q", d.Name, l.Key, s)
				}
			}
			if !strings.HasSuffix(l.Description, ".") || !unicode.IsUpper([]rune(l.Description)[0]) {
				t.Errorf("%s %s: description is not in sentences: %q", d.Name, l.Key, l.Description)
			}
			if n := len(l.Description); n < 60 || n > 300 {
				t.Errorf("%s %s: description has %d bytes", d.Name, l.Key, n)
			}
		}
	}
}

func TestBuiltinFilesAreInPrintedForm(t *testing.T) {
	for n := 1; n <= catalog.Latest; n++ {
		want, err := os.ReadFile(fmt.Sprintf("builtin%d.json", n))
		if err != nil {
			t.Fatal(err)
		}
		c, ok := catalog.Version(n)
		if !ok {
			t.Fatalf("no version %d", n)
		}
		if d := cmp.Diff(string(want), string(c.AppendJSON(nil))); d != "" {
			t.Error(d)
		}
	}
}

func TestDataSetIsFoundByNameInAnyCaseAndByAlias(t *testing.T) {
	for name, want := range map[string]string{
		"CONLL": "CONLL", "conll": "CONLL", "CoNLL-2003": "CONLL", "conll2003": "CONLL", "CONLL03": "CONLL",
		"ONTONOTES": "ONTONOTES", "Ontonotes5.0": "ONTONOTES", "ontonotes5": "ONTONOTES", "OntoNotes 5.0": "ONTONOTES",
		"wnut": "WNUT", "wnut17": "WNUT", "WNUT2017": "WNUT", "WNUT-17": "WNUT", "wnut_2017": "WNUT",
		"ace2004": "ACE2004", "ACE04": "ACE2004", "ACE-2005": "ACE2005", "ace05": "ACE2005",
		"genia": "GENIA", "msra": "MSRA", "ZhOnto": "ZHONTO", "zh_ontonotes4": "ZHONTO", "vistec": "VISTEC",
		"CrossNER AI": "CROSSNER_AI", "crossner-politics": "CROSSNER_POLITICS", "MIT-Movie": "MIT_MOVIE", "mit restaurant": "MIT_RESTAURANT",
		"Few-NERD": "FEWNERD", "GermEval-2014": "GERMEVAL", "germeval14": "GERMEVAL", "i2b2 2010": "I2B2_2010", "i2b2": "I2B2_2010",
		"NCBI-disease": "NCBI", "BC5-CDR": "BC5CDR", "MasakhaNER 2.0": "MASAKHANER", "PAN-X": "WIKIANN", "tweetner": "TWEETNER7",
	} {
		d, err := catalog.Builtin().DataSet(name)
		if err != nil || d.Name != want {
			t.Errorf("%q: got %q, %v, want %q", name, d.Name, err, want)
		}
	}
}

func TestUnknownDataSetErrorListsTheKnownOnes(t *testing.T) {
	c := parse(t, `{"B": {"X": {"name": "x"}}, "A": {"X": {"name": "x"}}}`)
	for _, name := range []string{"C", "", "CONLL2003"} {
		_, err := c.DataSet(name)
		got, ok := errors.AsType[*catalog.UnknownDataSetError](err)
		if !ok {
			t.Fatalf("%q: got %v", name, err)
		}
		if d := cmp.Diff(&catalog.UnknownDataSetError{Name: name, Known: []string{"B", "A"}}, got); d != "" {
			t.Error(d)
		}
		if !strings.Contains(err.Error(), "B, A") {
			t.Errorf("%q does not list the known data sets", err)
		}
	}
}

func TestLabelIsFoundInAnyCase(t *testing.T) {
	d, err := catalog.Builtin().DataSet("GENIA")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"DNA": "DNA", "dna": "DNA", "Protein": "protein", "CELL_TYPE": "cell_type"} {
		if l, err := d.Label(key); err != nil || l.Key != want {
			t.Errorf("%q: got %q, %v, want %q", key, l.Key, err, want)
		}
	}
}

func TestLabelIsFoundByItsAliases(t *testing.T) {
	const text = `{"A": {
		"NR": {"name": "person", "aliases": ["PER", "Person Name"]},
		"creative-work": {"name": "work"},
		"A-B": {"name": "one"}, "AB": {"name": "other"}
	}}`
	d, err := parse(t, text).DataSet("A")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"nr": "NR", "PER": "NR", "per": "NR", "person_name": "NR", "Creative_Work": "creative-work", "CREATIVE WORK": "creative-work", "a-b": "A-B", "ab": "AB",
		"person": "", "A_B": "", "work": "", "": "", "PERS": "",
	} {
		got := ""
		if i := d.Index(key); i >= 0 {
			got = d.Labels[i].Key
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
		if l, err := d.Label(key); (err == nil) != (want != "") || l.Key != want {
			t.Errorf("%q: got %q, %v, want %q", key, l.Key, err, want)
		}
	}
}

// An earlier version of the built-in catalogue makes the prompts of that time, so it must not
// change.
func TestEarlierVersionsOfTheBuiltinCatalogueStayAsTheyAre(t *testing.T) {
	for n, want := range map[int]string{1: "9478ddcb40c9e402ad351b334bb8215fc598af2f9316aff8c1ec5022dbd7836f"} {
		c, ok := catalog.Version(n)
		if !ok {
			t.Fatalf("no version %d", n)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(c.AppendJSON(nil))); got != want {
			t.Errorf("version %d has the SHA-256 %s, not %s", n, got, want)
		}
	}
	for _, n := range []int{-1, 0, catalog.Latest + 1} {
		if _, ok := catalog.Version(n); ok {
			t.Errorf("there is a version %d", n)
		}
	}
	if latest, _ := catalog.Version(catalog.Latest); latest != catalog.Builtin() {
		t.Error("the built-in catalogue is not its latest version")
	}
}

// doc/labels.md says what each description is based on.
func TestTheSourceOfEachBuiltinDataSetIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../doc/labels.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n| Data set |")
	described := make(map[string]bool)
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 5 {
			continue
		}
		for name := range strings.SplitSeq(cells[1], ",") {
			described[strings.TrimSpace(name)] = strings.TrimSpace(cells[3]) != "" && strings.TrimSpace(cells[4]) != ""
		}
	}
	for _, name := range catalog.Builtin().Names() {
		if !described[name] {
			t.Errorf("doc/labels.md names no source for %s", name)
		}
	}
	for n := 1; n <= catalog.Latest; n++ {
		if !strings.Contains(string(text), fmt.Sprintf("\n| `builtin:%d` |", n)) {
			t.Errorf("doc/labels.md does not say what is new in version %d", n)
		}
	}
}

func TestEachSpellingOfABuiltinLabelIsThatOfOneLabel(t *testing.T) {
	for _, d := range contents(t, catalog.Builtin()) {
		for i, l := range d.Labels {
			for _, spelling := range append([]string{l.Key}, l.Aliases...) {
				for _, s := range []string{spelling, strings.ToUpper(spelling), strings.ToLower(spelling)} {
					if got := d.Index(s); got != i {
						t.Errorf("%s: %q is label %d, not %d (%s)", d.Name, s, got, i, l.Key)
					}
				}
			}
		}
	}
}

func TestUnknownLabelErrorListsTheKnownOnes(t *testing.T) {
	d, err := catalog.Builtin().DataSet("MSRA")
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Label("DRUG")
	got, ok := errors.AsType[*catalog.UnknownLabelError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if d := cmp.Diff(&catalog.UnknownLabelError{DataSet: "MSRA", Label: "DRUG", Known: []string{"NR", "NS", "NT"}}, got); d != "" {
		t.Error(d)
	}
	if want := `data set MSRA has no label "DRUG" (known: NR, NS, NT)`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestChangingADataSetLeavesTheCatalogueAlone(t *testing.T) {
	before := catalog.Builtin().AppendJSON(nil)
	d, err := catalog.Builtin().DataSet("CONLL")
	if err != nil {
		t.Fatal(err)
	}
	d.Labels[0].Name = "changed"
	if !bytes.Equal(before, catalog.Builtin().AppendJSON(nil)) {
		t.Error("the built-in catalogue changed")
	}
}

func TestParseKeepsOrderAndIgnoresWhatItDoesNotKnow(t *testing.T) {
	got := contents(t, parse(t, "\ufeff"+`{
		"Z": {"b": {"note": {"deep": [1, {}]}, "description": "B.", "name": "bee", "": 1, "NAME": 2}, "a": {"name": "ay"}},
		"A": {"b": {"name": "\u00fc & <x>", "description": "", "aliases": ["B\u00fc", "c"]}}
	}`))
	want := []catalog.DataSet{
		{Name: "Z", Labels: []catalog.Label{{Key: "b", Name: "bee", Description: "B."}, {Key: "a", Name: "ay"}}},
		{Name: "A", Labels: []catalog.Label{{Key: "b", Name: "ü & <x>", Aliases: []string{"Bü", "c"}}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestNameInTheCatalogueGoesBeforeAnAlias(t *testing.T) {
	const label = `{"X": {"name": "x"}}`
	c := parse(t, `{"CONLL": `+label+`, "conll2003": `+label+`}`)
	for name, want := range map[string]string{"CoNLL2003": "conll2003", "conll03": "CONLL"} {
		if d, err := c.DataSet(name); err != nil || d.Name != want {
			t.Errorf("%q: got %q, %v, want %q", name, d.Name, err, want)
		}
	}
}

func TestBadCatalogueIsRefusedWithItsLine(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty file", "", "c.json:1: not valid JSON: unexpected end of JSON input"},
		{"cut off", "{\n\"A\": {\n", "c.json:2: not valid JSON: unexpected end of JSON input"},
		{"missing comma", "{\n\"A\": {}\n\"B\": {}}", "c.json:3: not valid JSON: invalid character '\"' after object key:value pair"},
		{"line break in a string", "{\n\"A\n\": {}}", "c.json:2: not valid JSON: invalid character '\\n' in string literal"},
		{"something behind the object", "{}\n{}", "c.json:2: not valid JSON: invalid character '{' after top-level value"},
		{"not UTF-8", "{\n\"\xff\": {}}", "c.json:2: not valid UTF-8"},
		{"null", "null", "c.json:1: the catalogue is not an object"},
		{"array", "\n[]", "c.json:2: the catalogue is not an object"},
		{"no data set", "{\n}", "c.json:2: no data set in the catalogue"},
		{"blank data set", "{\n\" \": {}}", "c.json:2: blank name in the catalogue"},
		{"data set is a number", "{\n\"A\": 1e999}", `c.json:2: data set "A" is not an object`},
		{"no label", "{\n\"A\": {}}", `c.json:2: data set "A" has no labels`},
		{"blank label", "{\"A\": {\n\"\": {}}}", `c.json:2: blank name in data set "A"`},
		{"label is a string", "{\"A\": {\n\"X\": \"x\"}}", `c.json:2: label "X" of data set "A" is not an object`},
		{"no name", "{\"A\": {\n\"X\": {\n\"description\": \"d\"\n}}}", `c.json:2: label "X" of data set "A" has no name`},
		{"blank name", "{\"A\": {\n\"X\": {\"name\": \"\\n\"}}}", `c.json:2: label "X" of data set "A" has no name`},
		{"name is null", "{\"A\": {\"X\": {\n\"name\": null}}}", `c.json:2: "name" of label "X" of data set "A" is not a string`},
		{"description is an object", "{\"A\": {\"X\": {\n\"description\": {}}}}", `c.json:2: "description" of label "X" of data set "A" is not a string`},
		{"two names", "{\"A\": {\"X\": {\"name\": \"x\",\n\"name\": \"y\"}}}", `c.json:2: "name" is in label "X" of data set "A" twice, first on line 1`},
		{"data set twice", "{\"A\": {\"X\": {\"name\": \"x\"}},\n\n\"a\": {}}", `c.json:3: "a" is in the catalogue twice, first on line 1`},
		{"aliases are a string", "{\"A\": {\"X\": {\"name\": \"x\",\n\"aliases\": \"Y\"}}}", `c.json:2: "aliases" of label "X" of data set "A" is not a list`},
		{"alias is a number", "{\"A\": {\"X\": {\"name\": \"x\",\n\"aliases\": [1]}}}", `c.json:2: an alias of label "X" of data set "A" is not a string`},
		{"aliases twice", "{\"A\": {\"X\": {\"name\": \"x\", \"aliases\": [],\n\"aliases\": []}}}", `c.json:2: "aliases" is in label "X" of data set "A" twice, first on line 1`},
		{"alias is a label", "{\"A\": {\"X\": {\"name\": \"x\"},\n\"Y\": {\"name\": \"y\", \"aliases\": [\"x\"]}}}", `c.json:2: "x" is in data set "A" twice, first on line 1`},
		{"label is an alias", "{\"A\": {\"X\": {\"name\": \"x\", \"aliases\": [\"Y\"]},\n\"y\": {\"name\": \"y\"}}}", `c.json:2: "y" is in data set "A" twice, first on line 1`},
		{"blank alias", "{\"A\": {\"X\": {\"name\": \"x\",\n\"aliases\": [\" \"]}}}", `c.json:2: blank name in data set "A"`},
		{"label twice", "{\"A\": {\"X\": {\"name\": \"x\"},\n\"x\": {}}}", `c.json:2: "x" is in data set "A" twice, first on line 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := catalog.Parse("c.json", []byte(c.text))
			pe, ok := errors.AsType[*fault.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if err.Error() != c.want {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
			if pe.Remedy() == "" {
				t.Error("no remedy")
			}
		})
	}
}

func TestPrintedCatalogueParsesBackToTheSame(t *testing.T) {
	for name, c := range map[string]*catalog.Catalog{
		"built-in": catalog.Builtin(),
		"awkward":  parse(t, `{"<A> & \"B\"": {"\\": {"name": "a\u2028\t<b>", "description": "\u0000 é 東京 🙂"}}}`),
	} {
		printed := c.AppendJSON(nil)
		if d := cmp.Diff(contents(t, c), contents(t, parse(t, string(printed)))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		var b bytes.Buffer
		if n, err := c.WriteTo(&b); err != nil || n != int64(len(printed)) || !bytes.Equal(b.Bytes(), printed) {
			t.Errorf("%s: WriteTo wrote %d bytes of %d, %v", name, n, len(printed), err)
		}
	}
}

func TestPrintedDataSetIsACatalogue(t *testing.T) {
	for _, d := range contents(t, catalog.Builtin()) {
		var b bytes.Buffer
		if _, err := d.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]catalog.DataSet{d}, contents(t, parse(t, b.String()))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPrintedFormIsForPeopleToEdit(t *testing.T) {
	c := parse(t, `{"A":{"X":{"name":"x & <y>","aliases":["Z","z_z"]},"Y":{"name":"y","description":"D."}},"B":{"X":{"name":"x"}}}`)
	const want = `prefix {
  "A": {
    "X": {
      "name": "x & <y>",
      "description": "",
      "aliases": ["Z", "z_z"]
    },
    "Y": {
      "name": "y",
      "description": "D."
    }
  },
  "B": {
    "X": {
      "name": "x",
      "description": ""
    }
  }
}
`
	if d := cmp.Diff(want, string(c.AppendJSON([]byte("prefix ")))); d != "" {
		t.Error(d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(catalog.Builtin().AppendJSON(nil))
	for _, s := range []string{
		``, `{}`, `{"A": {"X": {"name": "x", "more": [1, {"y": null}]}}}`, `{"A": {"X": {"name": "\ud800"}}}`,
		`{"K": {"X": {"name": "x"}}, "k": {"X": {"name": "x"}}}`, "\ufeff[]", "{\"A\n\"", `{"A": {"X": {"name": 1}}}`,
		`{"A": {"X": {"name": "x", "aliases": ["y", "z"]}, "z": {"name": "z"}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := catalog.Parse("f", data)
		if err != nil {
			if pe, ok := errors.AsType[*fault.Error](err); !ok || pe.Line < 1 || pe.Line > 1+bytes.Count(data, []byte("\n")) {
				t.Fatalf("%#v", err)
			}
			return
		}
		sets := contents(t, c)
		if d := cmp.Diff(sets, contents(t, parse(t, string(c.AppendJSON(nil))))); d != "" {
			t.Fatal(d)
		}
		// Every name leads to its own data set and label.
		seen := make(map[string]bool)
		for _, d := range sets {
			seen[d.Name] = true
			for _, l := range d.Labels {
				if got, err := d.Label(l.Key); err != nil || !cmp.Equal(got, l) {
					t.Fatalf("%q: got %v, %v", l.Key, got, err)
				}
			}
		}
		if len(seen) != len(c.Names()) {
			t.Fatalf("names %q are not distinct", c.Names())
		}
	})
}
