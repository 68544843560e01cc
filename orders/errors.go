package orders

import "kaquan/fault"

// What is refused, in words for people.
var (
	ErrNotFound   = fault.New(fault.NotFound, "orders.error.not_found")
	ErrNoMerchant = fault.New(fault.Conflict, "orders.error.no_merchant")
	// ErrOver says that the time for paying has passed, or the claim is gone.
	ErrOver = fault.New(fault.Conflict, "orders.error.over")
	// ErrOtherClient says that the payment was begun in the mini program, or on the page.
	ErrOtherClient = fault.New(fault.Conflict, "orders.error.other_client")
	ErrFree        = fault.New(fault.Conflict, "orders.error.free")
	// ErrGateway says that WeChat Pay cannot be reached or refuses the merchant.
	ErrGateway = fault.New(fault.Unavailable, "orders.error.gateway")

	// ErrMismatch says that WeChat's payment is not the order's: an incident, not a payment.
	ErrMismatch = fault.New(fault.Conflict, "orders.error.mismatch")

	ErrNotPaid     = fault.New(fault.Conflict, "orders.error.not_paid")
	ErrUsed        = fault.New(fault.Conflict, "orders.error.used")
	ErrTooMuch     = fault.New(fault.Invalid, "orders.error.too_much").On("amount")
	ErrRefundState = fault.New(fault.Conflict, "orders.error.refund_state")
	ErrNoRefund    = fault.New(fault.Conflict, "orders.error.no_refund")
	ErrRefundLate  = fault.New(fault.Conflict, "orders.error.refund_late")
)
