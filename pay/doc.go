// Package pay is the gateway to WeChat Pay: prepay orders, queries, refunds, bills, the
// notifications of WeChat and the parameters of the payment dialog, in API v2 (XML) and v3
// (JSON) behind one interface.
//
// It knows no order of ours, stores nothing, never logs, and imports only the standard
// library. "A3", "B7" and the like in comments name sections of the protocol reference.
// A new call goes into Gateway, v2.go and v3.go together; a new code into errors.go.
package pay
