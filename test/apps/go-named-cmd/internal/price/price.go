// Package price knows prices.
package price

// Cents is the only price.
const Cents = 100
