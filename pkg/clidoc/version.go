package clidoc

import (
	"runtime/debug"
	"strings"
)

// release is the version that these sources are, or are on the way to, and released the
// date that man pages show.
const release, released = "0.1.0", "2026-11-26"

// Version returns the version of the running program: its release and, where the
// build knows it, the commit that it was built from. It never is empty.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	of := map[string]string{}
	for _, s := range info.Settings {
		of[s.Key] = s.Value
	}
	commit, date := of["vcs.revision"], of["vcs.time"]
	if commit == "" {
		// Of a module that was downloaded, only the version is known.
		if v, ok := strings.CutPrefix(info.Main.Version, "v"); ok {
			return v
		}
		return release
	}
	notes := "commit " + commit[:min(len(commit), 12)]
	if day, _, ok := strings.Cut(date, "T"); ok {
		notes += " of " + day
	}
	if of["vcs.modified"] == "true" {
		notes += ", modified"
	}
	return release + " (" + notes + ")"
}
