package sandbox

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
)

// squareCode draws a text as a QR code, error correction M, versions 1 to 10. The mask is
// always the first: readers take any, and a fake needs no pretty one.
func squareCode(text string, width int) ([]byte, error) {
	m, err := squareModules(text)
	if err != nil {
		return nil, err
	}
	const quiet = 4
	side := len(m) + 2*quiet
	width = max(width, side)
	picture := image.NewPaletted(image.Rect(0, 0, width, width), color.Palette{color.White, color.Black})
	scale := width / side
	shift := (width - scale*side) / 2
	for y := range m {
		for x := range m {
			if !m[y][x] {
				continue
			}
			for dy := range scale {
				for dx := range scale {
					picture.SetColorIndex(shift+(x+quiet)*scale+dx, shift+(y+quiet)*scale+dy, 1)
				}
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// squareSize is one version of the code at error correction M.
type squareSize struct {
	total, blocks, check int   // codewords, blocks, check codewords of a block
	centres              []int // of alignment patterns
}

var squareSizes = []squareSize{
	{26, 1, 10, nil},
	{44, 1, 16, []int{6, 18}},
	{70, 1, 26, []int{6, 22}},
	{100, 2, 18, []int{6, 26}},
	{134, 2, 24, []int{6, 30}},
	{172, 4, 16, []int{6, 34}},
	{196, 4, 18, []int{6, 22, 38}},
	{242, 4, 22, []int{6, 24, 42}},
	{292, 5, 22, []int{6, 26, 46}},
	{346, 5, 26, []int{6, 28, 50}},
}

var errTooLong = errors.New("the text is too long for a code")

// squareModules are the dark places, row by row.
func squareModules(text string) ([][]bool, error) {
	for i, size := range squareSizes {
		version, counter := i+1, 8
		if version == 10 {
			counter = 16
		}
		room := size.total - size.blocks*size.check
		if 4+counter+8*len(text) > 8*room {
			continue
		}
		g := newGrid(version, size)
		g.fill(size.spread(codewords(text, counter, room)))
		return g.dark, nil
	}
	return nil, errTooLong
}

// codewords are mode, length, text and padding.
func codewords(text string, counter, room int) []byte {
	var bits []bool
	add := func(value, n int) {
		for i := n - 1; i >= 0; i-- {
			bits = append(bits, value>>i&1 == 1)
		}
	}
	add(0b0100, 4)
	add(len(text), counter)
	for i := range len(text) {
		add(int(text[i]), 8)
	}
	add(0, min(4, 8*room-len(bits)))
	add(0, (8-len(bits)%8)%8)
	out := make([]byte, len(bits)/8, room)
	for i, b := range bits {
		if b {
			out[i/8] |= 0x80 >> (i % 8)
		}
	}
	for pad := byte(0xEC); len(out) < room; pad ^= 0xEC ^ 0x11 {
		out = append(out, pad)
	}
	return out
}

// spread cuts data into blocks, adds the check codewords of each and interleaves both.
func (z squareSize) spread(data []byte) []byte {
	generator := reedSolomon(z.check)
	var parts, checks [][]byte
	short, longer := len(data)/z.blocks, len(data)%z.blocks
	for i := range z.blocks {
		n := short
		if i >= z.blocks-longer {
			n++
		}
		parts = append(parts, data[:n])
		checks = append(checks, remainder(data[:n], generator))
		data = data[n:]
	}
	var out []byte
	for i := range short + 1 {
		for _, p := range parts {
			if i < len(p) {
				out = append(out, p[i])
			}
		}
	}
	for i := range z.check {
		for _, c := range checks {
			out = append(out, c[i])
		}
	}
	return out
}

// times multiplies in the field of 256 elements over 0x11D.
func times(a, b byte) byte {
	var out byte
	for i := 7; i >= 0; i-- {
		carry := out >> 7
		out = out<<1 ^ carry*0x1D
		out ^= (b >> i & 1) * a
	}
	return out
}

// reedSolomon is the generator polynomial of a degree, without its first 1.
func reedSolomon(degree int) []byte {
	out := make([]byte, degree)
	out[degree-1] = 1
	root := byte(1)
	for range degree {
		for j := range out {
			out[j] = times(out[j], root)
			if j+1 < degree {
				out[j] ^= out[j+1]
			}
		}
		root = times(root, 2)
	}
	return out
}

func remainder(data, generator []byte) []byte {
	out := make([]byte, len(generator))
	for _, b := range data {
		factor := b ^ out[0]
		copy(out, out[1:])
		out[len(out)-1] = 0
		for i, g := range generator {
			out[i] ^= times(g, factor)
		}
	}
	return out
}

// grid is a code in the making; fixed places hold no data.
type grid struct{ dark, fixed [][]bool }

func newGrid(version int, size squareSize) *grid {
	n := 4*version + 17
	g := &grid{make([][]bool, n), make([][]bool, n)}
	for y := range n {
		g.dark[y], g.fixed[y] = make([]bool, n), make([]bool, n)
	}
	for i := range n {
		g.set(i, 6, i%2 == 0)
		g.set(6, i, i%2 == 0)
	}
	for _, corner := range [][2]int{{3, 3}, {n - 4, 3}, {3, n - 4}} {
		g.rings(corner[0], corner[1], 4)
	}
	last := len(size.centres) - 1
	for i, x := range size.centres {
		for j, y := range size.centres {
			if i == 0 && j == 0 || i == 0 && j == last || i == last && j == 0 {
				continue
			}
			g.rings(x, y, 2)
		}
	}
	g.format()
	if version >= 7 {
		g.version(version)
	}
	return g
}

func (g *grid) set(x, y int, dark bool) {
	if x >= 0 && y >= 0 && x < len(g.dark) && y < len(g.dark) {
		g.dark[y][x], g.fixed[y][x] = dark, true
	}
}

// rings draw a finder (with its light border) or an alignment pattern.
func (g *grid) rings(x, y, radius int) {
	for dy := -radius; dy <= radius; dy++ {
		for dx := -radius; dx <= radius; dx++ {
			far := max(max(dx, -dx), max(dy, -dy))
			g.set(x+dx, y+dy, far != 4 && far != 2 && radius == 4 || radius == 2 && far != 1)
		}
	}
}

// format writes correction level M (bits 00) with mask 0, twice.
func (g *grid) format() {
	const bits = 0x5412 // the code of zero, under the mask of format bits
	n := len(g.dark)
	at := func(i int) bool { return bits>>i&1 == 1 }
	for i := range 6 {
		g.set(8, i, at(i))
	}
	g.set(8, 7, at(6))
	g.set(8, 8, at(7))
	g.set(7, 8, at(8))
	for i := 9; i < 15; i++ {
		g.set(14-i, 8, at(i))
	}
	for i := range 8 {
		g.set(n-1-i, 8, at(i))
	}
	for i := 8; i < 15; i++ {
		g.set(8, n-15+i, at(i))
	}
	g.set(8, n-8, true)
}

func (g *grid) version(v int) {
	rest := v
	for range 12 {
		rest = rest<<1 ^ rest>>11*0x1F25
	}
	bits, n := v<<12|rest, len(g.dark)
	for i := range 18 {
		dark := bits>>i&1 == 1
		g.set(n-11+i%3, i/3, dark)
		g.set(i/3, n-11+i%3, dark)
	}
}

// fill puts the codewords in, two columns at a time from the right, up and down, masked.
func (g *grid) fill(data []byte) {
	n, bit := len(g.dark), 0
	for right, up := n-1, true; right > 0; right, up = right-2, !up {
		if right == 6 {
			right--
		}
		for i := range n {
			y := i
			if up {
				y = n - 1 - i
			}
			for x := right; x > right-2; x-- {
				if g.fixed[y][x] {
					continue
				}
				dark := bit < 8*len(data) && data[bit/8]>>(7-bit%8)&1 == 1
				g.dark[y][x] = dark != ((x+y)%2 == 0)
				bit++
			}
		}
	}
}
