// Package orders is the money side of a paid card: the order that belongs to a claim, how
// it becomes paid, and how money goes back. Whoever brings news of a payment - a
// notification, a visitor who asks, the sweeper - ends in the same guarded write.
//
// It imports fault, campaigns and pay; the database implements Store. All amounts are
// integers of fen. A rule about a noun goes in the noun's file.
package orders
