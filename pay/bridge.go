package pay

// Bridge is the signed parameters of the payment dialog (A4, B4). As JSON it is what H5
// pages give to WeixinJSBridge.invoke('getBrandWCPayRequest', …). All values are strings:
// iOS refuses a numeric timeStamp.
type Bridge struct {
	AppID     string `json:"appId"`
	TimeStamp string `json:"timeStamp"`
	NonceStr  string `json:"nonceStr"`
	Package   string `json:"package"`
	SignType  string `json:"signType"`
	PaySign   string `json:"paySign"`
}

// MiniBridge is what a mini program gives to wx.requestPayment: a Bridge without the app id.
type MiniBridge struct {
	TimeStamp string `json:"timeStamp"`
	NonceStr  string `json:"nonceStr"`
	Package   string `json:"package"`
	SignType  string `json:"signType"`
	PaySign   string `json:"paySign"`
}

// Mini is the same parameters for a mini program.
func (b Bridge) Mini() MiniBridge {
	return MiniBridge{TimeStamp: b.TimeStamp, NonceStr: b.NonceStr, Package: b.Package, SignType: b.SignType, PaySign: b.PaySign}
}

// bridge fills everything but the signature.
func (c *caller) bridge(prepayID, appID, signType string) (Bridge, error) {
	app, err := c.m.app(appID)
	if err != nil {
		return Bridge{}, err
	}
	if !prepayNo.MatchString(prepayID) {
		return Bridge{}, &InputError{"prepay_id", "malformed"}
	}
	return Bridge{
		AppID: app, TimeStamp: seconds(c.now()), NonceStr: c.nonce(), Package: "prepay_id=" + prepayID, SignType: signType,
	}, nil
}
