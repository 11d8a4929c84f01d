package main

import (
	"cmp"
	"strings"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/catalog"
	"nertools/pkg/english"
	"nertools/pkg/fault"
)

// newLabels prints a catalogue of the labels in list, separated by commas, to fill in.
func newLabels(std cmdline.Streams, labels *dataset.LabelSet, list string) error {
	if labels.File != "" {
		return cmdline.UsageError("--new makes a catalogue, so it cannot be used with --labels")
	}
	set := catalog.DataSet{Name: cmp.Or(labels.DataSet, "OWN")}
	for key := range strings.SplitSeq(list, ",") {
		if key = strings.TrimSpace(key); key == "" {
			return cmdline.UsageError("--new takes labels separated by commas, such as DRUG,DOSE, not %q", list)
		}
		set.Labels = append(set.Labels, catalog.Label{Key: key, Name: inWords(key)})
	}
	text := set.AppendJSON(nil)
	if _, err := catalog.Parse("--new", text); err != nil {
		return cmdline.ExitIf(cmdline.Usage, fault.WithHint(err, "name each label once; upper and lower case count as the same"))
	}
	if err := cmdline.CheckFiles(""); err != nil {
		return err
	}
	_, err := std.Out.Write(text)
	return err
}

// inWords returns a label as it reads in a sentence: "body part" for BODY_PART, and
// "side effect" for SideEffect.
func inWords(key string) string {
	var b strings.Builder
	lower := false
	for _, c := range key {
		switch {
		case c == '_' || c == '-' || c == '.':
			c, lower = ' ', false
		case lower && 'A' <= c && c <= 'Z':
			b.WriteByte(' ')
			lower = false
		default:
			lower = 'a' <= c && c <= 'z'
		}
		b.WriteRune(c)
	}
	return cmp.Or(strings.TrimSpace(strings.ToLower(b.String())), key)
}

// noteUndescribed says which labels have no description.
func noteUndescribed(std cmdline.Streams, set catalog.DataSet) {
	var keys []string
	for _, l := range set.Labels {
		if strings.TrimSpace(l.Description) == "" {
			keys = append(keys, l.Key)
		}
	}
	if len(keys) > 0 {
		std.Note("%s without a description in the catalogue (%s): prompts only contain the name", english.Count(len(keys), "label"), strings.Join(keys, ", "))
	}
}
