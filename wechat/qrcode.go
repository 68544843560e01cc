package wechat

import (
	"context"
	"net/url"
	"time"
	"unicode/utf8"
)

// Limits of scene codes (protocol 7.1).
const (
	MaxScene          = 64 // characters
	MaxPermanentScene = 100_000
	MaxQRLife         = 30 * 24 * time.Hour
	maxQRTicket       = 512
)

// QRRequest describes a code whose scans come back as subscribe or SCAN with its scene.
// Give either Scene or SceneID.
type QRRequest struct {
	Scene     string // 1 to 64 characters
	SceneID   uint32 // at most 100 000 for permanent codes
	Temporary bool
	Expires   time.Duration // of temporary codes: whole seconds, 1 s to 30 days
}

// QRCode is what WeChat made of a request.
type QRCode struct {
	Ticket  string        // for ShowQRURL
	URL     string        // the text of the code, to draw it oneself
	Expires time.Duration // from now on; 0 for permanent codes
}

// CreateQR makes a scene code (protocol 7.1, qrcode/create). An account has at most
// 100 000 permanent ones and cannot delete them, so keep the answer; asking again for the
// same permanent scene gives the same code.
func (a *Account) CreateQR(ctx context.Context, r QRRequest) (QRCode, error) {
	const path = "/cgi-bin/qrcode/create"
	type scene struct {
		ID   uint32 `json:"scene_id,omitempty"`
		Text string `json:"scene_str,omitempty"`
	}
	var request struct {
		Expires int64  `json:"expire_seconds,omitempty"`
		Action  string `json:"action_name"`
		Info    struct {
			Scene scene `json:"scene"`
		} `json:"action_info"`
	}
	request.Info.Scene = scene{r.SceneID, r.Scene}
	request.Expires = int64(r.Expires / time.Second)
	switch {
	case (r.Scene == "") == (r.SceneID == 0):
		return QRCode{}, refuse(path, 40053, "a scene is either a text or a number")
	case r.Scene != "" && (utf8.RuneCountInString(r.Scene) > MaxScene || !named(r.Scene, 4*MaxScene)):
		return QRCode{}, refuse(path, 40053, "a scene has 1 to 64 characters")
	case r.Temporary && (r.Expires < time.Second || r.Expires > MaxQRLife):
		return QRCode{}, refuse(path, 40097, "a temporary code lives between a second and 30 days")
	case !r.Temporary && r.Expires != 0:
		return QRCode{}, refuse(path, 40097, "a permanent code does not expire")
	case !r.Temporary && r.SceneID > MaxPermanentScene:
		return QRCode{}, refuse(path, 40053, "the scene of a permanent code is at most 100000")
	case r.Temporary && r.Scene != "":
		request.Action = "QR_STR_SCENE"
	case r.Temporary:
		request.Action = "QR_SCENE"
	case r.Scene != "":
		request.Action = "QR_LIMIT_STR_SCENE"
	default:
		request.Action = "QR_LIMIT_SCENE"
	}
	var answer struct {
		Ticket  string `json:"ticket"`
		Expires whole  `json:"expire_seconds"`
		URL     string `json:"url"`
	}
	if err := a.ask(ctx, path, request, &answer); err != nil {
		return QRCode{}, err
	}
	if !plausible(answer.Ticket, maxQRTicket) || !webAddress(answer.URL, maxQRTicket) {
		return QRCode{}, &AnswerError{Path: path, Problem: "the answer has no ticket or no address"}
	}
	q := QRCode{Ticket: answer.Ticket, URL: answer.URL}
	if r.Temporary {
		q.Expires = time.Duration(min(answer.Expires.count(), int(MaxQRLife/time.Second))) * time.Second
	}
	return q, nil
}

// ShowQRURL is the address of the picture of a code. It needs no token.
func (a *Account) ShowQRURL(ticket string) string {
	host := "https://mp.weixin.qq.com"
	if a.credentials.StandIn() {
		host = address(a.credentials.OpenURL, host)
	}
	return host + "/cgi-bin/showqrcode?ticket=" + url.QueryEscape(ticket)
}
