package pay

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

type event struct {
	ID       string   `json:"id"`
	Type     string   `json:"event_type"`
	Kind     string   `json:"resource_type"`
	Resource resource `json:"resource"`
}

// ParseNotify follows B7: the headers, the signature over the raw body, then the content.
func (g *v3) ParseNotify(ctx context.Context, header http.Header, body []byte) (Payment, error) {
	var t transaction
	e, err := g.event(ctx, header, body, "transaction", &t)
	if err != nil {
		return Payment{}, err
	}
	p, ok := t.payment()
	switch {
	case !ok:
		return Payment{}, refuse(ReasonShape)
	case p.MerchantID != g.m.ID:
		return Payment{}, refuse(ReasonMerchant)
	case !slices.Contains(g.m.AppIDs, p.AppID):
		return Payment{}, refuse(ReasonApp)
	case e.Type != "TRANSACTION.SUCCESS", !p.Paid():
		return Payment{}, refuse(ReasonKind)
	}
	p.EventID = e.ID
	return p, nil
}

// ParseRefundNotify is the same for the three events of a refund.
func (g *v3) ParseRefundNotify(ctx context.Context, header http.Header, body []byte) (Refund, error) {
	var in refundV3
	e, err := g.event(ctx, header, body, "refund", &in)
	if err != nil {
		return Refund{}, err
	}
	r, ok := in.refund(in.Merchant)
	switch {
	case !ok:
		return Refund{}, refuse(ReasonShape)
	case r.MerchantID != g.m.ID:
		return Refund{}, refuse(ReasonMerchant)
	case !strings.HasPrefix(e.Type, "REFUND."):
		return Refund{}, refuse(ReasonKind)
	}
	r.EventID = e.ID
	return r, nil
}

func (g *v3) event(ctx context.Context, header http.Header, body []byte, original string, content any) (event, error) {
	var e event
	if len(body) == 0 || len(body) > maxNotify {
		return e, refuse(ReasonSize)
	}
	if why := g.verify(ctx, header, body); why != "" {
		return e, refuse(why)
	}
	switch {
	case json.Unmarshal(body, &e) != nil, e.ID == "", len(e.ID) > 64, !plain(e.ID), e.Kind != "encrypt-resource":
		return e, refuse(ReasonShape)
	case e.Resource.Original != original:
		return e, refuse(ReasonKind)
	}
	text, err := e.Resource.open(g.keys.box)
	if err != nil {
		return e, refuse(ReasonCipher)
	}
	if json.Unmarshal(text, content) != nil {
		return e, refuse(ReasonShape)
	}
	return e, nil
}

func (g *v3) NotifyOK() Reply { return Reply{Status: http.StatusNoContent} }

func (g *v3) NotifyFail(message string) Reply {
	body, _ := json.Marshal(struct { // two strings do not fail
		Code    string `json:"code"`
		Message string `json:"message"`
	}{"FAIL", cut(message, 100)})
	return Reply{http.StatusInternalServerError, "application/json", body}
}
