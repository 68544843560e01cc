package main

import (
	"os"

	"kaquan/cli"
)

// Stamped by the linker: ./task build.
var (
	version = "dev"
	commit  = ""
)

func main() {
	os.Exit(cli.Main(cli.Version{Number: version, Commit: commit}, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
