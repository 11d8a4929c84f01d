// Command typecheck checks that all packages of the module, their tests and what they
// import are valid Go on other systems: typecheck darwin windows. It reads sources
// where a build would compile them, which takes a tenth of the time.
package main

import (
	"fmt"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	ok := true
	for _, system := range os.Args[1:] {
		loaded, err := packages.Load(&packages.Config{
			Mode:  packages.LoadAllSyntax,
			Env:   append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0"),
			Tests: true,
		}, "./...")
		if err != nil {
			fmt.Fprintf(os.Stderr, "typecheck: load packages for %s: %v\n", system, err)
			ok = false
		}
		if n := packages.PrintErrors(loaded); n > 0 || len(loaded) == 0 {
			fmt.Fprintf(os.Stderr, "typecheck: %s: %d packages, %d errors\n", system, len(loaded), n)
			ok = false
		}
	}
	if !ok {
		os.Exit(1)
	}
}
