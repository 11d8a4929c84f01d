package service

import (
	"github.com/urfave/cli/v2"

	"nertools/pkg/openaiapi"
	"nertools/pkg/wire"
)

// What follows serves the commands that still look flags up in a cli.Context, and
// goes with the last of these.

var (
	shared         Options
	sharedSettings Settings
)

// RequestFlags are the flags of [Settings].
func RequestFlags() []cli.Flag { return sharedSettings.Flags() }

// Flags are the flags of [Options].
func Flags() []cli.Flag { return shared.Flags() }

// Requests is [Settings.Builder].
func Requests(*cli.Context) (*wire.Builder, error) { return sharedSettings.Builder() }

// Account is [Options.Account].
func Account(c *cli.Context) (string, error) { return shared.Account(c.Context) }

// Client is [Options.Client].
func Client(c *cli.Context, inFlight int) (*openaiapi.Client, error) {
	return shared.Client(c.Context, inFlight)
}
