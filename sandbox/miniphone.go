package sandbox

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Switches of the mini program.
const (
	miniCodeBad       = "mini_code_bad"
	miniLoginFast     = "mini_login_fast"
	miniUserBlocked   = "mini_user_blocked"
	miniPhoneRefused  = "mini_phone_refused"
	miniPhoneQuota    = "mini_phone_quota"
	miniCountryNumber = "mini_country_number"
	miniTextRisky     = "mini_text_risky"
	miniScanCancel    = "mini_scan_cancel"
)

const groupMini = "小程序 Mini program"

var miniSwitches = []SwitchState{
	{Name: miniCodeBad, Group: groupMini, ZH: "登录 code 无效 40029", EN: "sign-in codes are not valid (40029)"},
	{Name: miniLoginFast, Group: groupMini, ZH: "登录太频繁 45011", EN: "too many sign-ins (45011)"},
	{Name: miniUserBlocked, Group: groupMini, ZH: "高风险用户 40226", EN: "everybody is of high risk (40226)"},
	{Name: miniPhoneRefused, Group: groupMini, ZH: "都拒绝给手机号", EN: "everybody refuses the phone number"},
	{Name: miniPhoneQuota, Group: groupMini, ZH: "手机号次数用完 1400001", EN: "the phone number quota is used up (1400001)"},
	{Name: miniCountryNumber, Group: groupMini, ZH: "国家码给成数字", EN: "countryCode comes as a number"},
	{Name: miniTextRisky, Group: groupMini, ZH: "内容检查都不通过", EN: "every checked text is risky"},
	{Name: miniScanCancel, Group: groupMini, ZH: "扫码都取消", EN: "everybody cancels the camera"},
}

// miniScan is what wx.scanCode will see.
type miniScan struct {
	Result string `json:"result"`
	Type   string `json:"scanType"`
	Path   string `json:"path,omitempty"`
}

const maxMiniScans = 50

// miniPhoneRoutes are the phone's side: what wx.login, wx.scanCode and the like would do
// for a persona. Programs that play a mini program call them; each takes and gives JSON.
func (s *Server) miniPhoneRoutes() {
	for name, h := range map[string]func(*miniAct) (any, error){
		"visitor": s.miniVisitor, "who": s.miniWho, "login": s.miniLogIn, "check-session": s.miniSessionAlive,
		"phone-code": s.miniAskPhone, "user-data": s.miniUserData, "subscribe": s.miniSubscribe,
		"scan": s.miniShow, "scan-code": s.miniScanCode, "add-card": s.miniAddCard,
	} {
		s.mux.HandleFunc("POST /phone/mini/"+name, s.miniHand(h))
	}
}

// miniAct is one call of the phone's side.
type miniAct struct {
	person *persona
	body   []byte
}

func (a *miniAct) json(v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return errors.New("the body is not the JSON that this call takes")
	}
	return nil
}

// wxReply is the answer of a wx function: "login:ok", "scanCode:fail cancel".
type wxReply struct {
	Msg string `json:"errMsg"`
	No  int    `json:"errno,omitempty"`
}

// miniHand reads who acts. A JSON body is asked for so that no page of another site can
// send one without asking first, which is never answered.
func (s *Server) miniHand(h func(*miniAct) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/json" {
			http.Error(w, "Content-Type must be application/json", http.StatusUnsupportedMediaType)
			return
		}
		var body bytes.Buffer
		var in struct{ Persona string }
		if _, err := body.ReadFrom(r.Body); err != nil || json.Unmarshal(body.Bytes(), &in) != nil {
			http.Error(w, "the body is not JSON", http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.opt.Mini.AppID == "" {
			http.Error(w, "the sandbox plays no mini program", http.StatusNotFound)
			return
		}
		act := &miniAct{person: s.personaOf(r), body: body.Bytes()}
		if in.Persona != "" {
			if act.person = s.persona(in.Persona); act.person == nil {
				http.Error(w, fmt.Sprintf("no persona is called %q", in.Persona), http.StatusBadRequest)
				return
			}
		}
		out, err := h(act)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(compact(out))
	}
}

// miniVisitor makes a person whom nobody has seen.
func (s *Server) miniVisitor(*miniAct) (any, error) {
	return map[string]string{"persona": s.newVisitor().id}, nil
}

// miniWho tells the ids of a persona.
func (s *Server) miniWho(a *miniAct) (any, error) {
	return map[string]string{
		"persona": a.person.id, "name": a.person.name, "openid": s.miniOpenID(a.person),
		"unionid": s.unionID(a.person), "officialOpenid": a.person.openID, "phone": s.numberOf(a.person),
	}, nil
}

// numberOf is a persona's mobile number: the same at every start.
func (s *Server) numberOf(p *persona) string {
	var n uint32
	for _, b := range []byte(steadyID("phone", s.opt.Mini.AppID, p)) {
		n = n*31 + uint32(b)
	}
	return fmt.Sprintf("1380013%04d", n%10_000)
}

// miniLogIn is wx.login.
func (s *Server) miniLogIn(a *miniAct) (any, error) {
	code, now := "0"+random(31, letters[:62]), s.opt.Now()
	s.mini.logins.put(now, code, &miniLogin{person: a.person, until: now.Add(miniCodeLife)}, now.Add(time.Hour))
	return struct {
		wxReply
		Code string `json:"code"`
	}{wxReply{Msg: "login:ok"}, code}, nil
}

// miniSessionAlive is wx.checkSession.
func (s *Server) miniSessionAlive(a *miniAct) (any, error) {
	if _, ok := s.mini.sessions.get(s.opt.Now(), a.person.id); !ok {
		return wxReply{Msg: "checkSession:fail session expired"}, nil
	}
	return wxReply{Msg: "checkSession:ok"}, nil
}

var (
	miniNumber  = regexp.MustCompile(`^[0-9]{5,15}$`)
	miniCountry = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)
)

// miniAskPhone is the button with open-type getPhoneNumber. The number is the persona's
// own unless the call names one.
func (s *Server) miniAskPhone(a *miniAct) (any, error) {
	in := struct{ Number, Country string }{s.numberOf(a.person), "86"}
	if err := a.json(&in); err != nil {
		return nil, err
	}
	switch {
	case !miniNumber.MatchString(in.Number) || !miniCountry.MatchString(in.Country):
		return nil, errors.New("number and country must be digits")
	case s.acts(miniPhoneRefused):
		return wxReply{Msg: "getPhoneNumber:fail user deny"}, nil
	case s.acts(miniPhoneQuota):
		return wxReply{Msg: "getPhoneNumber:fail jsapi has no permission", No: 1400001}, nil
	}
	code, now := random(64, hexes), s.opt.Now()
	s.mini.phones.put(now, code, &miniPhone{
		person: a.person, number: in.Number, country: in.Country, until: now.Add(miniCodeLife), countryAsInteger: s.acts(miniCountryNumber),
	}, now.Add(time.Hour))
	return struct {
		wxReply
		Code string `json:"code"`
	}{wxReply{Msg: "getPhoneNumber:ok"}, code}, nil
}

// Faults of miniUserData.
var miniFaults = []string{"", "iv", "block", "empty", "padding", "key", "watermark", "old", "openid", "plus", "signature"}

// miniUserData is encrypted data as old interfaces give it, whole or with one fault
// (mini program 5 and 6). kind is "profile" or "phone".
func (s *Server) miniUserData(a *miniAct) (any, error) {
	in := struct{ Kind, Fault string }{Kind: "profile"}
	if err := a.json(&in); err != nil {
		return nil, err
	}
	session, ok := s.mini.sessions.get(s.opt.Now(), a.person.id)
	switch {
	case !ok || session.key == "":
		return nil, errors.New("this persona has not signed in, so there is no session_key")
	case !slices.Contains(miniFaults, in.Fault):
		return nil, fmt.Errorf("no fault is called %q", in.Fault)
	case in.Kind != "profile" && in.Kind != "phone":
		return nil, fmt.Errorf("no kind is called %q", in.Kind)
	}
	mark := watermark{s.opt.Now().Unix(), s.opt.Mini.AppID}
	switch in.Fault {
	case "watermark":
		mark.AppID = "wxforeign000000000"
	case "old":
		mark.Timestamp -= 24 * 3600
	}
	raw, plain := s.profileTexts(a.person, mark, in.Fault == "openid")
	if in.Kind == "phone" {
		info := s.phoneInfo(&miniPhone{number: s.numberOf(a.person), country: "86", countryAsInteger: s.acts(miniCountryNumber)}, s.opt.Now())
		info.Watermark = mark
		raw, plain = "", compact(info)
	}
	out := struct {
		Data      string `json:"encryptedData"`
		IV        string `json:"iv"`
		Raw       string `json:"rawData,omitempty"`
		Signature string `json:"signature,omitempty"`
	}{Raw: raw}
	if raw != "" {
		out.Signature = sha1Hex(raw + session.key)
	}
	if in.Fault == "signature" {
		out.Signature = sha1Hex(raw)
	}
	var err error
	out.Data, out.IV, err = sealUserData(session.key, plain, in.Fault)
	return out, err
}

// profileTexts are rawData and what is encrypted.
func (s *Server) profileTexts(p *persona, mark watermark, stranger bool) (string, []byte) {
	type public struct {
		Name     string `json:"nickName"`
		Gender   int    `json:"gender"`
		Language string `json:"language"`
		City     string `json:"city"`
		Province string `json:"province"`
		Country  string `json:"country"`
		Picture  string `json:"avatarUrl"`
	}
	shown := public{Name: p.name, Language: "zh_CN"}
	openID := s.miniOpenID(p)
	if stranger {
		openID = "oSomebodyElse00000000000000"
	}
	return string(compact(shown)), compact(struct {
		OpenID string `json:"openId"`
		public
		UnionID   string    `json:"unionId,omitempty"`
		Watermark watermark `json:"watermark"`
	}{openID, shown, s.unionID(p), mark})
}

// sealUserData encrypts with AES-128-CBC and PKCS#7, with one fault if asked.
func sealUserData(sessionKey string, plain []byte, fault string) (data, iv string, err error) {
	key, err := base64.StdEncoding.DecodeString(sessionKey)
	if err != nil {
		return "", "", err
	}
	if fault == "key" {
		key = []byte(random(16, letters))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", "", err
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	text := append(slices.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	if fault == "padding" {
		text[len(text)-1] = 17
	}
	seal := func() {
		salt := []byte(random(aes.BlockSize, letters))
		sealed := make([]byte, len(text))
		cipher.NewCBCEncrypter(block, salt).CryptBlocks(sealed, text)
		data, iv = base64.StdEncoding.EncodeToString(sealed), base64.StdEncoding.EncodeToString(salt)
		switch fault {
		case "iv":
			iv = base64.StdEncoding.EncodeToString(salt[:15])
		case "block":
			data = base64.StdEncoding.EncodeToString(sealed[:17])
		case "empty":
			data = ""
		}
	}
	seal()
	if fault == "plus" { // as a form that did not escape its fields loses them
		for !strings.Contains(data, "+") {
			seal()
		}
		data = strings.ReplaceAll(data, "+", " ")
	}
	return data, iv, nil
}

// miniSubscribe is wx.requestSubscribeMessage that a person accepts.
func (s *Server) miniSubscribe(a *miniAct) (any, error) {
	var in struct{ TmplIDs []string }
	if err := a.json(&in); err != nil {
		return nil, err
	}
	if len(in.TmplIDs) == 0 || len(in.TmplIDs) > 3 {
		return nil, errors.New("tmplIds must be one to three")
	}
	now := s.opt.Now()
	granted, ok := s.mini.consents.get(now, a.person.id)
	if !ok {
		granted = map[string]bool{}
	}
	out := map[string]string{"errMsg": "requestSubscribeMessage:ok"}
	for _, id := range in.TmplIDs {
		granted[id], out[id] = true, "accept"
	}
	s.mini.consents.put(now, a.person.id, granted, now.AddDate(1, 0, 0))
	return out, nil
}

// scanTypes are the kinds of codes that the camera tells apart.
var scanTypes = []string{
	"QR_CODE", "WX_CODE", "EAN_13", "EAN_8", "UPC_A", "UPC_E", "CODE_128", "CODE_93", "CODE_39", "CODE_25", "CODABAR", "ITF", "DATA_MATRIX", "PDF_417",
}

// miniShow holds a code before the camera: the next scan-code of this persona sees it.
func (s *Server) miniShow(a *miniAct) (any, error) {
	in := struct{ Text, Type string }{Type: "QR_CODE"}
	if err := a.json(&in); err != nil {
		return nil, err
	}
	if !slices.Contains(scanTypes, in.Type) || in.Text == "" {
		return nil, errors.New("text is empty, or type is no kind of code")
	}
	next := miniScan{Result: in.Text, Type: in.Type}
	if path, ours := miniPath(in.Text); ours {
		next = miniScan{Type: "WX_CODE", Path: path}
	}
	now := s.opt.Now()
	queue, _ := s.mini.scans.get(now, a.person.id)
	if len(queue) >= maxMiniScans {
		return nil, errors.New("too many codes wait for the camera")
	}
	s.mini.scans.put(now, a.person.id, append(queue, next), now.Add(time.Hour))
	return map[string]int{"waiting": len(queue) + 1}, nil
}

// miniScanCode is wx.scanCode: the oldest code that was held up, or a cancelled camera.
func (s *Server) miniScanCode(a *miniAct) (any, error) {
	now := s.opt.Now()
	queue, _ := s.mini.scans.get(now, a.person.id)
	if len(queue) == 0 || s.acts(miniScanCancel) {
		return wxReply{Msg: "scanCode:fail cancel"}, nil
	}
	s.mini.scans.put(now, a.person.id, queue[1:], now.Add(time.Hour))
	return struct {
		wxReply
		miniScan
		CharSet string `json:"charSet"`
		Raw     string `json:"rawData"`
	}{wxReply{Msg: "scanCode:ok"}, queue[0], "utf-8", base64.StdEncoding.EncodeToString([]byte(queue[0].Result))}, nil
}

// miniAddCard is wx.addCard with the person's answer to the sheet: choice is "add" or
// "cancel". Every check is that of the JS-SDK's addCard.
func (s *Server) miniAddCard(a *miniAct) (any, error) {
	in := struct {
		Choice   string
		CardList []struct {
			CardID string          `json:"cardId"`
			Ext    json.RawMessage `json:"cardExt"`
		} `json:"cardList"`
	}{Choice: "add"}
	if err := a.json(&in); err != nil {
		return nil, err
	}
	type item struct {
		ID  string          `json:"card_id"`
		Ext json.RawMessage `json:"card_ext"`
	}
	list := []item{}
	for _, c := range in.CardList {
		list = append(list, item{c.CardID, c.Ext})
	}
	out := s.addCards(&invocation{API: "batchAddCard", person: a.person, Args: compact(map[string]any{"card_list": list})})
	if out.Sheet != nil {
		out = s.finishSheet(a.person, out.Sheet.ID, in.Choice == "add")
	}
	return addCardReply(out), nil
}

type miniAdded struct {
	Code   string `json:"code"` // encrypted
	CardID string `json:"cardId"`
	Ext    string `json:"cardExt"`
	OK     bool   `json:"isSuccess"`
}

// addCardReply is an answer of the JS-SDK in the words of wx.addCard.
func addCardReply(out outcome) any {
	said, _ := out.Reply["err_msg"].(string)
	_, result, _ := strings.Cut(said, ":")
	if result == "cancel" {
		result = "fail cancel"
	}
	reply := struct {
		wxReply
		List []miniAdded `json:"cardList"`
	}{wxReply{Msg: "addCard:" + result}, []miniAdded{}}
	var list []added
	text, _ := out.Reply["card_list"].(string)
	_ = json.Unmarshal([]byte(text), &list)
	for _, x := range list {
		reply.List = append(reply.List, miniAdded{x.Code, x.CardID, x.Ext, x.OK == 1})
	}
	return reply
}
