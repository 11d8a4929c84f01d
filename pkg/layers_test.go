// Package pkg_test holds the structure of doc/design.md against the code.
package pkg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers are the packages from the bottom up. A package imports only packages
// of layers below its own, whatever its tests import.
var layers = [][]string{
	{"fault", "reasoning", "safetext", "tags"},
	{"parallel", "record", "markup", "catalog", "durable"},
	{"wire", "pace", "progress", "corpus"},
	{"mrc", "openaiapi", "retry", "resume", "price", "score"},
	{"prompt", "online", "batch", "collect", "knn", "embedding"},
	{"annotate"},
	{"verify", "report"},
}

// owners are the packages that alone may import certain others: a path that
// ends in "/" stands for all below it.
var owners = map[string][]string{
	"github.com/openai/openai-go/": {"nertools/pkg/openaiapi"},
	"github.com/tiktoken-go/":      {"nertools/pkg/price"},
	"github.com/urfave/cli/":       {"nertools/cmd/", "nertools/scripts/"},
	"nertools/pkg/openaiapi":       {"nertools/cmd/internal/service"}, // or ner-collect would carry it
	"nertools/pkg/openaitest":      {"nertools/scripts/"},
	"os/signal":                    {"nertools/cmd/internal/cmdline", "nertools/scripts/"},
}

func TestImportsRunOneWay(t *testing.T) {
	level := map[string]int{}
	for i, layer := range layers {
		for _, name := range layer {
			level["nertools/pkg/"+name] = i
		}
	}
	for importer, imports := range imports(t) {
		for _, imported := range imports {
			for path, may := range owners {
				if within(imported, path) && !withinAny(importer, may) && !within(importer, path) {
					t.Errorf("%s imports %s: only %s may", importer, imported, strings.Join(may, " and "))
				}
			}
			if !strings.HasPrefix(imported, "nertools/") || !strings.HasPrefix(importer, "nertools/pkg/") {
				continue
			}
			switch from, known := level[importer]; {
			case importer == "nertools/pkg/openaitest":
				t.Errorf("the simulated API imports %s: it must not share what it is to check", imported)
			case !known:
				t.Errorf("%s has no layer: give it one here and in doc/design.md", importer)
			case strings.HasPrefix(imported, "nertools/pkg/") && level[imported] >= from, !strings.HasPrefix(imported, "nertools/pkg/"):
				t.Errorf("%s imports %s, which is not below it", importer, imported)
			}
		}
	}
}

// imports returns what each package of the module imports, tests left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "nertools/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		all[fields[0]] = fields[1:]
	}
	for _, layer := range layers {
		for _, name := range layer {
			if _, ok := all["nertools/pkg/"+name]; !ok {
				t.Errorf("package %s has a layer but does not exist", name)
			}
		}
	}
	return all
}

func within(path, place string) bool {
	return path == strings.TrimSuffix(place, "/") || strings.HasSuffix(place, "/") && strings.HasPrefix(path, place)
}

func withinAny(path string, places []string) bool {
	for _, place := range places {
		if within(path, place) {
			return true
		}
	}
	return false
}

// TestATypeNameHasOneMeaning lets a few names repeat that say the same of every
// package.
func TestATypeNameHasOneMeaning(t *testing.T) {
	repeat := []string{"Options", "Config", "Error"}
	packages := map[string]string{} // by exported type
	files, err := filepath.Glob("*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() || slices.Contains(repeat, spec.Name.Name) {
				return true
			}
			if other, known := packages[spec.Name.Name]; known {
				t.Errorf("%s.%s and %s.%s: give one of them a name of its own", other, spec.Name, file.Name, spec.Name)
			}
			packages[spec.Name.Name] = file.Name.Name
			return true
		})
	}
}
