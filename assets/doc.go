// Package assets carries the style sheets, scripts and pictures inside the binary.
//
// It may import nothing of ours. Our own files go in src/; a file of somebody else's is named in
// package.json and in the list at the top of build.mjs. build.mjs fills dist/ (not committed, but
// for its placeholder), from where the files are embedded; pages name them through URL.
package assets
