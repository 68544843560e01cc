package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	scanAPI      = "scanQRCode"
	scanQR       = "qrCode"
	scanBar      = "barCode"
	maxScanText  = 4096 // bytes
	maxBarText   = 80
	maxScanCodes = 60
)

// scanSheet is a scanner that waits for what a person holds before it.
type scanSheet struct {
	person *persona
	kinds  []string
	result bool // the page wants the text; otherwise the app deals with it
	done   bool
}

// scanView is what the scanner shows: the codes of the cards that people have on their
// phones, those of the person first, and a field for any other text.
type scanView struct {
	ID    string     `json:"id"`
	Kinds []string   `json:"kinds"` // qrCode, barCode
	Codes []scanCode `json:"codes"`
}

// scanCode is a code that can be held before the scanner.
type scanCode struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Who   string `json:"who"`
}

// scan is wx.scanQRCode (protocol 2.8): the scanner opens. The mutex is held.
func (s *Server) scan(in *invocation) outcome {
	var args struct {
		Need  any      `json:"needResult"`
		Kinds []string `json:"scanType"`
	}
	bad := func(what string) outcome {
		s.note(LevelRefused, "jssdk", scanAPI+"："+what+" 不对", scanAPI+": "+what+" is malformed", string(in.Args))
		return reply(scanAPI, "fail invalid "+what)
	}
	if err := json.Unmarshal(in.Args, &args); err != nil {
		return bad("scanType")
	}
	sh := &scanSheet{person: in.person}
	switch args.Need {
	case nil, float64(0), "", "0", false:
	case float64(1), "1", true:
		sh.result = true
	default:
		return bad("needResult")
	}
	for _, kind := range args.Kinds {
		if kind != scanQR && kind != scanBar {
			return bad("scanType")
		}
		if !slices.Contains(sh.kinds, kind) {
			sh.kinds = append(sh.kinds, kind)
		}
	}
	if len(sh.kinds) == 0 {
		sh.kinds = []string{scanQR, scanBar}
	}
	view := &scanView{ID: random(24, letters[:62]), Kinds: sh.kinds, Codes: s.scanCodes(in.person)}
	s.scans.put(s.opt.Now(), view.ID, sh, s.opt.Now().Add(sheetLife))
	s.note(LevelOK, "jssdk", in.person.name+" 打开扫一扫", in.person.id+" opened the scanner", "scanType="+strings.Join(sh.kinds, ","))
	return outcome{Scan: view}
}

// scanCodes are the codes of everybody's cards, for a till reads other people's phones.
func (s *Server) scanCodes(first *persona) []scanCode {
	list := []scanCode{}
	show := func(p *persona) {
		for _, h := range p.wallet {
			if len(list) < maxScanCodes {
				list = append(list, scanCode{h.code, h.card.Title, p.name})
			}
		}
	}
	show(first)
	for _, p := range s.people {
		if p != first {
			show(p)
		}
	}
	return list
}

// answerScan is what a person held before the scanner, or that they closed it.
func (s *Server) answerScan(w http.ResponseWriter, r *http.Request) {
	var in struct{ ID, Action, Text, Kind string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, `{"error":"bad call"}`, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = w.Write(compact(s.finishScan(s.personaOf(r), in.ID, in.Action == "scan", in.Text, in.Kind)))
}

// finishScan closes a scanner; the mutex is held.
func (s *Server) finishScan(p *persona, id string, scanned bool, text, kind string) outcome {
	sh, ok := s.scans.get(s.opt.Now(), id)
	if !ok || sh.done || sh.person != p {
		return reply(scanAPI, "fail the scanner is closed")
	}
	sh.done = true
	if !scanned {
		s.note(LevelInfo, "jssdk", p.name+" 取消扫码", p.id+" closed the scanner", "")
		return reply(scanAPI, "cancel")
	}
	if !readable(text, kind) || !slices.Contains(sh.kinds, kind) {
		s.note(LevelRefused, "jssdk", "扫一扫：认不出这个码", "the scanner cannot read this code", kind+" "+text)
		out := reply(scanAPI, "fail no code was found")
		out.Toast = "未发现二维码或条形码"
		return out
	}
	s.note(LevelOK, "jssdk", p.name+" 扫到一个码", p.id+" scanned a code", kind+" "+text)
	out := reply(scanAPI, "ok")
	switch {
	case sh.result && kind == scanBar:
		out.Reply["resultStr"] = "CODE_128," + text
	case sh.result:
		out.Reply["resultStr"] = text
	default:
		// The app opens links itself; the phone can show those of the sites it knows.
		if u, err := url.Parse(text); err == nil && (u.Scheme == "http" || u.Scheme == "https") && s.pageOrigin(text) {
			out.Open = text
		} else {
			out.Toast = text
		}
	}
	return out
}

// readable reports whether a code of this kind can hold the text.
func readable(text, kind string) bool {
	if text == "" || len(text) > maxScanText || !utf8.ValidString(text) {
		return false
	}
	if kind == scanQR {
		return true
	}
	return len(text) <= maxBarText && strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
