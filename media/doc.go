// Package media turns pictures that staff upload into pictures that pages can show: decoded within
// limits, upright, cropped, small, and without anything else that the file carried.
//
// It knows no campaign and no database: Library works on any Store, db has the real one. A new kind
// of picture is a decoder in decode.go; what may be uploaded where is decided by web.
package media
