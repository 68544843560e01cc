package pay

import "errors"

// Reason says why a notification was refused, so that refusals can be counted.
type Reason string

// The reasons.
const (
	ReasonSize      Reason = "size"      // larger than 64 KiB, or empty
	ReasonShape     Reason = "shape"     // not what the protocol says
	ReasonTimestamp Reason = "timestamp" // missing, malformed, or 5 minutes or more from now
	ReasonNonce     Reason = "nonce"     // the nonce of the header is missing or malformed
	ReasonSerial    Reason = "serial"    // signed with a key that is not known here
	ReasonSignature Reason = "signature" // missing or wrong
	ReasonProbe     Reason = "probe"     // WeChat tests on purpose whether we refuse (B7): no alarm
	ReasonCipher    Reason = "cipher"    // does not decrypt with our key
	ReasonMerchant  Reason = "merchant"  // of another merchant
	ReasonApp       Reason = "app"       // of an app id that is not ours
	ReasonKind      Reason = "kind"      // genuine, but of another kind or not a success
)

// NotifyError is a notification that was refused. Answer it with NotifyFail.
type NotifyError struct{ Reason Reason }

// Error names the reason, never the content.
func (e *NotifyError) Error() string { return "pay: notification refused: " + string(e.Reason) }

// ReasonOf is the reason of a refused notification, or "".
func ReasonOf(err error) Reason {
	var n *NotifyError
	if errors.As(err, &n) {
		return n.Reason
	}
	return ""
}

func refuse(r Reason) error { return &NotifyError{Reason: r} }

// Reply is what to answer to a notification.
type Reply struct {
	Status      int
	ContentType string // "" without a body
	Body        []byte
}
