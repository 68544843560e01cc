// Package redemption is what happens to a card at the till: a signed code is read, the
// card is looked at, redeemed, and for some minutes taken back; what a phone without
// network accepted is brought in later, and a conflict becomes a task.
//
// It imports fault, campaigns and stores; the database implements Store, and the program
// brings Cards, which speaks to WeChat. A rule about a noun goes in the noun's file.
package redemption
