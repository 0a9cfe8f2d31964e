// Command parley operates a Parley deployment from a terminal.
//
//	parley workspace [flags]    make a workspace and the link of its first admin
//	parley seed [flags]         make demo workspaces: a shop's week with its people, conversations and settings; may be repeated
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	_ "time/tzdata" // business hours have a time zone; the machine need not know it
)

const usage = `usage: parley <command> [flags]

commands:
  workspace  make a workspace and the link of its first admin; or another link, when nobody can sign in
  seed       make demo workspaces: a shop's week with its people, conversations and settings; may be repeated

parley <command> -h lists the flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit status: 0, 1 when the command failed, 2 when it was called wrongly.
func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "workspace":
		return runWorkspace(ctx, args[1:], env, stdout, stderr)
	case "seed":
		return runSeed(ctx, args[1:], env, stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	default:
		fmt.Fprintf(stderr, "parley: no command %q\n%s", args[0], usage)
		return 2
	}
}
