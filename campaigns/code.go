package campaigns

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
)

// damm is the quasigroup of Damm's check-digit method: it catches every single wrong
// digit and every swap of neighbours.
var damm = [10][10]byte{
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2},
	{7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
	{1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8},
	{3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4},
	{8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
	{2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
}

// NewCode makes a card code of ours: 11 random digits and a check digit.
func NewCode() CardCode {
	const eleven = 100_000_000_000
	var digits [12]byte
	n := randomBelow(eleven)
	var check byte
	for i := 10; i >= 0; i-- {
		digits[i] = byte(n % 10)
		n /= 10
	}
	for i := range 11 {
		check = damm[check][digits[i]]
		digits[i] += '0'
	}
	digits[11] = check + '0'
	return CardCode(digits[:])
}

// ParseCode reads a code as people type it (blanks and dashes are fine) and reports
// whether it has twelve digits and the check digit fits.
func ParseCode(s string) (CardCode, bool) {
	s = strings.NewReplacer(" ", "", "-", "", "\u3000", "").Replace(s)
	if len(s) != 12 {
		return "", false
	}
	var check byte
	for i := range 12 {
		if s[i] < '0' || s[i] > '9' {
			return "", false
		}
		check = damm[check][s[i]-'0']
	}
	return CardCode(s), check == 0
}

// Grouped is the code in groups of four for people to read; codes that are not digits alone
// stay as whoever made them wrote them.
func (c CardCode) Grouped() string {
	if strings.ContainsFunc(string(c), func(r rune) bool { return r < '0' || r > '9' }) {
		return string(c)
	}
	var b strings.Builder
	for i, r := range string(c) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

const (
	refLetters = "0123456789abcdefghijklmnopqrstuvwxyz"
	refLength  = 12
)

// NewRef makes the opaque name of a claim towards WeChat: 12 letters or digits, about
// 62 random bits, which is what outer_str safely holds.
func NewRef() Ref {
	var letters [refLength]byte
	for i := range letters {
		letters[i] = refLetters[randomBelow(uint64(len(refLetters)))]
	}
	return Ref(letters[:])
}

// maxOwnCode is the longest code of a WeChat card whose codes are the merchant's (protocol 4.3).
const maxOwnCode = 20

const _ uint = maxOwnCode - refLength // does not compile when a reference is too long to be such a code

// OwnCode is the claim's code at WeChat where the card leaves codes to the merchant: the
// same at every tap, so that the wallet takes it once.
func (r Ref) OwnCode() CardCode { return CardCode(r) }

// randomBelow draws evenly from [0, n). crypto/rand.Read never fails.
func randomBelow(n uint64) uint64 {
	limit := ^uint64(0) - ^uint64(0)%n
	for {
		var b [8]byte
		_, _ = rand.Read(b[:])
		if v := binary.LittleEndian.Uint64(b[:]); v < limit {
			return v % n
		}
	}
}
