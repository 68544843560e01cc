package pay

import (
	"net/http"
	"testing"
)

// A v2 notification is believed only when it is well signed; whatever is read is written and
// read again as the same.
func FuzzNotifyV2(f *testing.F) {
	g, err := New(Options{Merchant: merchantV2(MD5), Now: clock})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(notifyV2(MD5, nil))
	f.Add([]byte(cdata(fields{"return_code": "SUCCESS", "mch_id": testMerchant, "appid": testApp, "req_info": sealECB(refundRoot, testV2Key)})))
	f.Add([]byte(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "x">]><xml><a>&e;</a></xml>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if p, err := g.ParseNotify(t.Context(), nil, body); err == nil && (!p.Paid() || p.AmountFen < 1 || p.MerchantID != testMerchant) {
			t.Errorf("%+v", p)
		}
		if r, err := g.ParseRefundNotify(t.Context(), nil, body); err == nil && (r.AmountFen < 1 || r.AmountFen > r.TotalFen) {
			t.Errorf("%+v", r)
		}
		in, err := readXML(body, "xml")
		if err != nil {
			return
		}
		again, err := readXML([]byte(writeXML(in)), "xml")
		if err != nil || len(again) != len(in) || signTextV2(again) != signTextV2(in) {
			t.Errorf("%q became %q, %v", in, again, err)
		}
	})
}

// A v3 notification that is signed may still hold anything: nothing panics, and what is
// believed is sound.
func FuzzNotifyV3(f *testing.F) {
	g, err := New(Options{Merchant: merchantV3(), Now: clock})
	if err != nil {
		f.Fatal(err)
	}
	good := eventOf("TRANSACTION.SUCCESS", "transaction", goodTransaction, nil)
	f.Add(good, "", seconds(testNow), "abc", testKeyID, true)
	f.Add(good, "AAAA", "1", "", "ABCDEF", false)
	f.Add([]byte(`{"id":"a","resource_type":"encrypt-resource","resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"1","original_type":"transaction"}}`),
		"WECHATPAY/SIGNTEST/x", seconds(testNow), "n", testKeyID, true)
	f.Fuzz(func(t *testing.T, body []byte, signature, at, nonce, serial string, sign bool) {
		h := http.Header{}
		if sign {
			h = signNow(body)
		} else {
			h.Set("Wechatpay-Signature", signature)
			h.Set("Wechatpay-Timestamp", at)
			h.Set("Wechatpay-Nonce", nonce)
			h.Set("Wechatpay-Serial", publicKey+serial) // a hexadecimal one would make a call
		}
		p, err := g.ParseNotify(t.Context(), h, body)
		switch {
		case err == nil && !sign:
			t.Error("believed without a signature")
		case err == nil && (!p.Paid() || p.AmountFen < 1 || p.MerchantID != testMerchant):
			t.Errorf("%+v", p)
		case err != nil && ReasonOf(err) == "":
			t.Errorf("no reason: %v", err)
		}
		_, _ = g.ParseRefundNotify(t.Context(), h, body)
	})
}

// Neither way of decrypting panics, and what was sealed with our key opens.
func FuzzDecrypt(f *testing.F) {
	box, err := newBox(testV3Key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("AAAAAAAAAAAAAAAAAAAAAA==", "uluk4a9R25RW", "transaction")
	f.Add(sealECB("hello", testV2Key), "0123456789abc", "")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, text, nonce, data string) {
		_, _ = openECB(text, testV2Key)
		_, _ = resource{Algorithm: "AEAD_AES_256_GCM", Text: text, Nonce: nonce, Data: data}.open(box)
		if got, err := openECB(sealECB(text, testV2Key), testV2Key); err != nil || string(got) != text {
			t.Errorf("%q became %q, %v", text, got, err)
		}
		if len(nonce) == 12 && len(data) <= 64 {
			sealedText := b64(box.Seal(nil, []byte(nonce), []byte(text), []byte(data)))
			got, err := resource{Algorithm: "AEAD_AES_256_GCM", Text: sealedText, Nonce: nonce, Data: data}.open(box)
			if err != nil || string(got) != text {
				t.Errorf("%q became %q, %v", text, got, err)
			}
		}
	})
}
