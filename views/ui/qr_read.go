package ui

import (
	"errors"
	"fmt"
	"math/bits"
)

// qrVersion is what reading a version at level M needs: where the alignment patterns are,
// and how many data bytes the blocks have. ISO/IEC 18004, tables 9 and E.1.
type qrVersion struct {
	align  []int
	blocks []int // data bytes of each block; shorter ones first
	check  int   // correction bytes of each block
}

// qrVersions are 1 to 10: up to 213 characters, more than any link of ours.
var qrVersions = []qrVersion{
	{nil, []int{16}, 10},
	{[]int{6, 18}, []int{28}, 16},
	{[]int{6, 22}, []int{44}, 26},
	{[]int{6, 26}, []int{32, 32}, 18},
	{[]int{6, 30}, []int{43, 43}, 24},
	{[]int{6, 34}, []int{27, 27, 27, 27}, 16},
	{[]int{6, 22, 38}, []int{31, 31, 31, 31}, 18},
	{[]int{6, 24, 42}, []int{38, 38, 39, 39}, 22},
	{[]int{6, 26, 46}, []int{36, 36, 36, 37, 37}, 22},
	{[]int{6, 28, 50}, []int{43, 43, 43, 43, 44}, 26},
}

// qrMasks turn the modules over where they are true (section 7.8.2).
var qrMasks = [8]func(y, x int) bool{
	func(y, x int) bool { return (y+x)%2 == 0 },
	func(y, _ int) bool { return y%2 == 0 },
	func(_, x int) bool { return x%3 == 0 },
	func(y, x int) bool { return (y+x)%3 == 0 },
	func(y, x int) bool { return (y/2+x/3)%2 == 0 },
	func(y, x int) bool { return y*x%2+y*x%3 == 0 },
	func(y, x int) bool { return (y*x%2+y*x%3)%2 == 0 },
	func(y, x int) bool { return ((y+x)%2+y*x%3)%2 == 0 },
}

// readQR reads a grid of modules as a scanner would, except that it corrects nothing: what
// is not exact is an error.
func readQR(grid [][]bool) (string, error) {
	n := len(grid)
	version := (n - 17) / 4
	if version < 1 || version > len(qrVersions) || n != 17+4*version {
		return "", fmt.Errorf("no version has %d modules", n)
	}
	v := qrVersions[version-1]
	mask, err := qrMask(grid)
	if err != nil {
		return "", err
	}
	var all []byte
	var bit int
	for x := n - 1; x > 0; x -= 2 {
		if x == 6 { // the timing pattern takes a whole column
			x--
		}
		upward := (n-1-x)/2%2 == 0
		if x < 6 {
			upward = (n-2-x)/2%2 == 0
		}
		for i := range n {
			y := i
			if upward {
				y = n - 1 - i
			}
			for _, column := range [2]int{x, x - 1} {
				if v.reserved(n, y, column) {
					continue
				}
				if bit%8 == 0 {
					all = append(all, 0)
				}
				if grid[y][column] != qrMasks[mask](y, column) {
					all[bit/8] |= 0x80 >> (bit % 8)
				}
				bit++
			}
		}
	}
	data, err := v.join(all)
	if err != nil {
		return "", err
	}
	return readBytes(data, version)
}

// qrMask reads the mask's number out of the format, which must say level M. The format has
// ten check bits and is turned over by 0x5412 (section 7.9).
func qrMask(grid [][]bool) (int, error) {
	var format uint
	for i := range 15 {
		x, y := 8, 8
		switch {
		case i < 6:
			x = i
		case i == 6:
			x = 7
		case i == 8:
			y = 7
		case i > 8:
			y = 14 - i
		}
		format <<= 1
		if grid[y][x] {
			format |= 1
		}
	}
	format ^= 0x5412
	rest := format
	for bits.Len(rest) > 10 {
		rest ^= 0x537 << (bits.Len(rest) - 11)
	}
	if rest != 0 || format>>13 != 0 {
		return 0, fmt.Errorf("format %015b", format)
	}
	return int(format >> 10 & 7), nil
}

// reserved reports whether a module belongs to a pattern and not to the data.
func (v *qrVersion) reserved(n, y, x int) bool {
	switch {
	case y < 9 && x < 9, y < 9 && x >= n-8, y >= n-8 && x < 9, x == 6, y == 6:
		return true
	case n >= 45 && (y < 6 && x >= n-11 || x < 6 && y >= n-11): // the version's own number
		return true
	}
	for i, ay := range v.align {
		for j, ax := range v.align {
			last := len(v.align) - 1
			if i == 0 && j == 0 || i == 0 && j == last || i == last && j == 0 {
				continue // a finder pattern is there
			}
			if y >= ay-2 && y <= ay+2 && x >= ax-2 && x <= ax+2 {
				return true
			}
		}
	}
	return false
}

// join puts the bytes of the blocks, which are stored in turns, one block after the other
// (section 7.6).
func (v *qrVersion) join(all []byte) ([]byte, error) {
	total, longest := 0, v.blocks[len(v.blocks)-1]
	for _, size := range v.blocks {
		total += size
	}
	if len(all) < total+v.check*len(v.blocks) {
		return nil, errors.New("too few modules")
	}
	blocks := make([][]byte, len(v.blocks))
	next := 0
	for i := range longest {
		for b, size := range v.blocks {
			if i < size {
				blocks[b] = append(blocks[b], all[next])
				next++
			}
		}
	}
	var data []byte
	for _, block := range blocks {
		data = append(data, block...)
	}
	return data, nil
}

// readBytes reads one segment in byte mode, as addresses are.
func readBytes(data []byte, version int) (string, error) {
	at := 0
	take := func(n int) (value int) {
		for range n {
			value <<= 1
			if at/8 < len(data) && data[at/8]&(0x80>>(at%8)) != 0 {
				value |= 1
			}
			at++
		}
		return value
	}
	if mode := take(4); mode != 4 {
		return "", fmt.Errorf("mode %d is not bytes", mode)
	}
	size := 8
	if version >= 10 {
		size = 16
	}
	length := take(size)
	if at+8*length > 8*len(data) {
		return "", errors.New("the text is longer than the code")
	}
	text := make([]byte, length)
	for i := range text {
		text[i] = byte(take(8))
	}
	return string(text), nil
}
