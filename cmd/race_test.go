//go:build race

package cmd_test

// The programs are built the way the tests are.
const raceEnabled = true
