package cmd_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestConsumers has the programs that our formats are for read them, and compares what
// they see with the data set, as Python reads it without us. Each script in
// testdata/consumers is about one of them.
func TestConsumers(t *testing.T) {
	venv := os.Getenv("CONSUMERS_VENV")
	if venv == "" {
		t.Skip("no Python packages that read our formats: CONTRIBUTING.md says how to install them and set CONSUMERS_VENV")
	}
	t.Parallel()
	news, err := filepath.Abs("../examples/news")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Abs("testdata/consumers")
	if err != nil {
		t.Fatal(err)
	}
	recipes, err := filepath.Abs("../doc/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, sessions(news, "testdata/consumers",
		"PATH="+filepath.Join(venv, "bin")+string(os.PathListSeparator)+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"PYTHONPATH="+modules,
		"PYTHONPYCACHEPREFIX="+filepath.Join(venv, "pycache"), // not next to gold.py
		"PYTHONUTF8=1",
		"RECIPES="+recipes,
		"HF_HUB_OFFLINE=1", "HF_DATASETS_OFFLINE=1", "HF_HUB_DISABLE_TELEMETRY=1",
	))
}
