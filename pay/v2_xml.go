package pay

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// fields are the elements of a v2 message. Unknown ones are kept: they take part in the
// signature (A3).
type fields map[string]string

const maxFields = 256

var errXML = errors.New("not a message of the protocol")

// writeXML writes <xml> with one element per field, in the order of the names.
func writeXML(f fields) string {
	var b strings.Builder
	b.WriteString("<xml>")
	for _, name := range slices.Sorted(maps.Keys(f)) {
		b.WriteString("<" + name + ">")
		_ = xml.EscapeText(&b, []byte(f[name])) // a Builder does not fail
		b.WriteString("</" + name + ">")
	}
	b.WriteString("</xml>")
	return b.String()
}

// readXML reads a root with plain children and refuses everything else: a DTD, processing
// instructions, comments, attributes, deeper elements, an element twice, text between
// elements, a cut or a continued document (A9).
func readXML(raw []byte, root string) (fields, error) {
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\ufeff")))
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.Strict = true
	f := fields{}
	var (
		depth int
		done  bool
		name  string
		text  strings.Builder
	)
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if !done {
				return nil, errXML
			}
			return f, nil
		}
		if err != nil {
			return nil, errXML
		}
		switch t := token.(type) {
		case xml.ProcInst:
			if t.Target != "xml" || d.InputOffset() != int64(bytes.Index(raw, []byte("?>"))+2) || !bytes.HasPrefix(raw, []byte("<?xml")) {
				return nil, errXML
			}
		case xml.StartElement:
			if done || len(t.Attr) > 0 || t.Name.Space != "" || !plainName(t.Name.Local) {
				return nil, errXML
			}
			depth++
			switch {
			case depth == 1 && t.Name.Local != root, depth > 2, len(f) >= maxFields:
				return nil, errXML
			case depth == 2:
				name = t.Name.Local
				text.Reset()
				if _, twice := f[name]; twice {
					return nil, errXML
				}
			}
		case xml.EndElement:
			if t.Name.Space != "" || depth == 2 && t.Name.Local != name || depth == 1 && t.Name.Local != root || depth == 0 {
				return nil, errXML
			}
			if depth == 2 {
				f[name] = text.String()
			}
			depth--
			done = depth == 0
		case xml.CharData:
			if depth == 2 {
				text.Write(t)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return nil, errXML
			}
		default:
			return nil, errXML
		}
	}
}

func plainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// fen reads an amount. A missing one is 0.
func (f fields) fen(name string) (int64, error) {
	if f[name] == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(f[name], 10, 64)
	if err != nil || n < 0 || n > maxFen {
		return 0, errXML
	}
	return n, nil
}
