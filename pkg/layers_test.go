// Package pkg_test holds the structure of doc/design.md against the code.
package pkg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layers are the packages from the bottom up. A package imports only packages
// of layers below its own, whatever its tests import.
var layers = [][]string{
	{"clidoc", "english", "fault", "model", "reasoning", "safetext", "segment", "tags"},
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
	"github.com/urfave/cli/":       {"nertools/cmd/", "nertools/pkg/clidoc", "nertools/scripts/"},
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
	eachFile(t, "*/*.go", func(_ *token.FileSet, file *ast.File) {
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
	})
}

// TestTheSimulationHasTypesOfItsOwn keeps whoever reads a test from taking a part of the
// simulated API for the part of a program that deals with it.
func TestTheSimulationHasTypesOfItsOwn(t *testing.T) {
	simulated, ours := map[string]bool{}, map[string]string{} // in lower case
	eachFile(t, "*/*.go", func(_ *token.FileSet, file *ast.File) {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, spec := range decl.Specs {
				name := spec.(*ast.TypeSpec).Name.Name
				if file.Name.Name == "openaitest" {
					simulated[strings.ToLower(name)] = true
				} else {
					ours[strings.ToLower(name)] = file.Name.Name + "." + name
				}
			}
		}
	})
	for name := range simulated {
		if other := ours[name]; other != "" && name != "options" {
			t.Errorf("openaitest has a type called like %s", other)
		}
	}
}

// A flag such as "--limit", and the name of a program.
var (
	flagName    = regexp.MustCompile(`(^|[\s("'])--[a-z][a-z-]+([\s,;.)"']|$)`)
	programName = regexp.MustCompile(`\bner-(prompt|run|batch|collect)\b`)
)

// TestALibraryKnowsNoProgram finds flags and programs in the strings of packages,
// which leave it to the commands to say which flag helps.
func TestALibraryKnowsNoProgram(t *testing.T) {
	eachFile(t, "*/*.go", func(files *token.FileSet, file *ast.File) {
		if file.Name.Name == "openaitest" {
			return // a program of its own
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.BasicLit)
			if ok && s.Kind == token.STRING && (flagName.MatchString(s.Value[1:len(s.Value)-1]) || programName.MatchString(s.Value)) {
				t.Errorf("%s: %s", files.Position(s.Pos()), s.Value)
			}
			return true
		})
	})
}

// plural finds a number in front of a noun in the plural: "%d rows" is wrong for 1.
var plural = regexp.MustCompile(`%d ([a-z]+ )?[a-z]+s\b|\(s\)`)

// TestNumbersAgreeWithTheirNouns finds messages that count without [english.Count].
func TestNumbersAgreeWithTheirNouns(t *testing.T) {
	verbs := regexp.MustCompile(`^%d (does|has|is|of|was)\b`) // "row %d is"
	for _, pattern := range []string{"*/*.go", "../cmd/ner-*/*.go", "../cmd/internal/*/*.go", "../scripts/fakeopenai/*.go"} {
		eachFile(t, pattern, func(files *token.FileSet, file *ast.File) {
			if file.Name.Name == "openaitest" {
				return // its messages are the service's
			}
			ast.Inspect(file, func(n ast.Node) bool {
				s, ok := n.(*ast.BasicLit)
				if !ok || s.Kind != token.STRING {
					return true
				}
				for _, found := range plural.FindAllString(s.Value, -1) {
					if !verbs.MatchString(found) {
						t.Errorf("%s: %q: count with english.Count", files.Position(s.Pos()), found)
					}
				}
				return true
			})
		})
	}
}

// TestFlagsAreReadInOnePlace finds commands that ask a cli.Context for anything:
// flags fill options, and what does the work gets these.
func TestFlagsAreReadInOnePlace(t *testing.T) {
	for _, pattern := range []string{"../cmd/ner-*/*.go", "../cmd/internal/*/*.go"} {
		eachFile(t, pattern, func(files *token.FileSet, file *ast.File) {
			if file.Name.Name == "cmdline" {
				return // which calls the commands
			}
			ast.Inspect(file, func(n ast.Node) bool {
				f, ok := n.(*ast.FuncType)
				if !ok {
					return true
				}
				for _, param := range f.Params.List {
					pointer, _ := param.Type.(*ast.StarExpr)
					if pointer == nil {
						continue
					}
					of, _ := pointer.X.(*ast.SelectorExpr)
					if of != nil && of.Sel.Name == "Context" && slices.ContainsFunc(param.Names, func(name *ast.Ident) bool { return name.Name != "_" }) {
						t.Errorf("%s: a function that takes a cli.Context", files.Position(param.Pos()))
					}
				}
				return true
			})
		})
	}
}

// eachFile parses the Go files that match, tests left out.
func eachFile(t *testing.T, pattern string, check func(*token.FileSet, *ast.File)) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatal(pattern, err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		check(files, file)
	}
}

// TestTheDesignNamesWhatExists looks up every `package.Name` and `package.Type.Method`
// of doc/design.md.
func TestTheDesignNamesWhatExists(t *testing.T) {
	known := map[string]bool{}
	eachFile(t, "*/*.go", func(_ *token.FileSet, file *ast.File) {
		known[file.Name.Name] = true
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				of := ""
				if d.Recv != nil {
					of = strings.TrimPrefix(types.ExprString(d.Recv.List[0].Type), "*") + "."
				}
				known[file.Name.Name+"."+of+d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						known[file.Name.Name+"."+s.Name.Name] = true
					case *ast.ValueSpec:
						for _, name := range s.Names {
							known[file.Name.Name+"."+name.Name] = true
						}
					}
				}
			}
		}
	})
	text, err := os.ReadFile("../doc/design.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`([a-z]+)(\\.[A-Z]\\w*(?:\\.[A-Z]\\w*)?)`").FindAllStringSubmatch(string(text), -1)
	if len(names) < 10 {
		t.Fatalf("only %d names in it", len(names))
	}
	for _, name := range names {
		if known[name[1]] && !known[name[1]+name[2]] {
			t.Errorf("%s%s does not exist", name[1], name[2])
		}
	}
}
