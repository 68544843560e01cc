// Command bench measures the product against the limit and prints one line per figure:
// name, value, unit. Both sides of each ratio are measured in the same run.
//
// It may import everything. A new figure is a function that prints its lines, listed in
// main.go, with what it compares said beside it. Run it by `./task bench`.
package main
