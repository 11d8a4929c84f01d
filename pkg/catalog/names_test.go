package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"nertools/pkg/catalog"
)

func TestALabelHasTheNamesInCommonUse(t *testing.T) {
	for _, c := range []struct{ set, key, want string }{
		{"CONLL", "PER", "PER person PERSON per pers person people human"},
		{"MSRA", "NS", "NS location LOC LOCATION loc location place naturalorregionallocation"},
		{"GENIA", "cell_line", "cell_line cell line G#cell_line"},
	} {
		set, err := catalog.Builtin().DataSet(c.set)
		if err != nil {
			t.Fatal(err)
		}
		label, err := set.Label(c.key)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(label.Names(), " "); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.set, c.key, got, c.want)
		}
	}
}

func TestDataSetsThatCoverLabels(t *testing.T) {
	for keys, want := range map[string]string{
		"PER LOC ORG MISC": "CONLL GERMEVAL PLAIN", "veh": "ACE2004 ACE2005", "NR": "MSRA", "G#protein": "GENIA JNLPBA", "PER DRUG": "", "": strings.Join(catalog.Builtin().Names(), " "),
	} {
		var got []string
		for _, set := range catalog.Builtin().Covering(strings.Fields(keys)) {
			got = append(got, set.Name)
		}
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q: got %q, want %q", keys, got, want)
		}
	}
}
