package pay

import (
	"context"
	"errors"
	"net/http"
)

// Check examines the keys, then asks v2 for an order that does not exist: a signed "unknown"
// proves both signatures.
func (g *v2) Check(ctx context.Context) []Finding {
	findings := ValidKeys(g.m, g.now())
	number := "check" + g.nonce()
	_, err := g.Query(ctx, OrderRef{OutTradeNo: number[:min(len(number), 24)]})
	if NotFound(err) {
		err = nil
	}
	return append(findings, callFinding(err))
}

// Check examines the keys, then has v3 echo a text: that proves the signature, the key that
// WeChat answers with and the clock (B10).
func (g *v3) Check(ctx context.Context) []Finding {
	findings := ValidKeys(g.m, g.now())
	if g.ring.preferred(g.now()) == "" { // the echo wants to be told which key to answer with
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		fetched, err := g.fetchCertificates(ctx)
		if err != nil {
			return append(findings, callFinding(err))
		}
		g.ring.add(fetched)
	}
	const path = "/v3/security/echo"
	text := g.nonce()
	var out struct {
		Text string `json:"echo_message"`
	}
	a, err := g.call(ctx, http.MethodPost, path, path, map[string]string{"echo_message": text}, &out)
	if err == nil && out.Text != "" && out.Text != text {
		err = a.problem("the echo is another text")
	}
	return append(findings, callFinding(err))
}

func callFinding(err error) Finding {
	f := Finding{Item: ItemSelfTestCall, Err: err}
	var (
		refused *Refused
		network *NetworkError
	)
	switch {
	case err == nil:
	case errors.As(err, &refused):
		f.Problem = ProblemRefused
	case errors.As(err, &network):
		f.Problem = ProblemUnreachable
	default:
		f.Problem = ProblemAnswer
	}
	return f
}
