package catalog_test

import (
	"fmt"

	"nertools/pkg/catalog"
)

func ExampleCatalog_DataSet() {
	set, err := catalog.Builtin().DataSet("CoNLL-2003")
	if err != nil {
		fmt.Println(err)
		return
	}
	label, err := set.Label("per")
	fmt.Println(set.Name, set.Keys(), label.Name, err)
	_, err = set.Label("DRUG")
	fmt.Println(err)
	// Output:
	// CONLL [PER LOC ORG MISC] person <nil>
	// data set CONLL has no label "DRUG" (known: PER, LOC, ORG, MISC)
}
