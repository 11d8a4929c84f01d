package catalog

import "slices"

// alike lists groups of common names for the same kind of entity, in the spelling of
// [aliasKey].
var alike = [][]string{
	{"per", "pers", "person", "people", "human"},
	{"loc", "location", "place", "naturalorregionallocation"},
	{"org", "organization", "organisation"},
	{"misc", "miscellaneous", "miscellaneousname"},
	{"gpe", "geopolitical", "geopoliticalentity"},
	{"norp", "nationality", "nationality,religiousorpoliticalgroup"},
	{"fac", "facility"},
	{"veh", "vehicle"},
	{"wea", "weapon"},
	{"prod", "product"},
	{"evt", "event"},
	{"artwork", "workofart", "creativework"},
	{"corp", "corporation"},
	{"law", "lawsandlegaldocuments", "laworlegaldocument", "legaldocument"},
	{"lang", "language"},
	{"date", "dateorperiod"},
	{"time", "timeofdayorshortduration", "timeofday"},
	{"percent", "percentage"},
	{"money", "amountofmoney", "monetaryvalue"},
	{"quantity", "measuredquantity"},
	{"ordinal", "ordinalnumber"},
	{"cardinal", "cardinalnumber"},
}

// Names returns what answers may call the label: its key, its name, its aliases, and the
// common synonyms of key and name.
func (l Label) Names() []string {
	names := append([]string{l.Key, l.Name}, l.Aliases...)
	for _, group := range alike {
		if slices.Contains(group, aliasKey(l.Key)) || slices.Contains(group, aliasKey(l.Name)) {
			names = append(names, group...)
		}
	}
	return names
}

// Kinds returns the common names of each usual kind of entity, the one to show first, in
// lower case without spaces.
func Kinds() [][]string { return alike }

// Covering returns the data sets that have labels for all the keys, which may be aliases.
func (c *Catalog) Covering(keys []string) (list []DataSet) {
	for _, d := range c.sets {
		lacks := func(key string) bool { _, err := d.Label(key); return err != nil }
		if !slices.ContainsFunc(keys, lacks) {
			list = append(list, d)
		}
	}
	return list
}
