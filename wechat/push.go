package wechat

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// MaxEvent is the size of a pushed message, in bytes, above which it is refused. Real
// ones are a few kilobytes.
const MaxEvent = 256 << 10

// Limits on the shape of a message; real ones have three levels and some thirty fields.
const (
	maxEventDepth  = 8
	maxEventFields = 500
)

// Event is a message or event that WeChat pushed (protocol 6.5, 6.6). Missing fields are
// empty. Only a verified push may be acted on; OuterStr is never proof of anything, for
// the visitor can change it.
type Event struct {
	ToUser          string
	FromUser        string // the openid the event is about
	CreateTime      int64  // seconds; 0 when absent
	MsgType         string // lower case: event, text, …
	MsgID           string
	Event           string // lower case: user_get_card, …; "" for messages
	EventKey        string
	CardID          string
	UserCardCode    string // digits as text: leading zeros count
	OldUserCardCode string
	OuterStr        string
	IsGiveByFriend  bool
	FriendUserName  string
	UnionID         string
	ConsumeSource   string
	StaffOpenID     string
	LocationName    string
	RefuseReason    string

	// Messages and the events of the chat (protocol 6.5, 6.6).
	Content string // of text
	MediaID string
	PicURL  string // of image
	Ticket  string // of the scanned code

	// Of some card events.
	IsReturnBack        bool // a gift came back to its giver
	IsChatRoom          bool // a gift went into a group
	IsRestoreMemberCard bool // the same member card, taken again
	SourceScene         string
	VerifyCode          string // typed in by staff when redeeming
	RemarkAmount        string
	Detail              string // of card_sku_remind
	OrderID             string
	TransID             string // of WeChat Pay
	Status              string
	Fee, OriginalFee    int64 // fen

	// Raw has every leaf element under its path without the root, for example
	// "CardId" or "ScanCodeInfo.ScanType". The first of several equal paths wins.
	Raw map[string]string
}

// Is compares the name of the event without regard to case, as WeChat mixes cases.
func (e Event) Is(name string) bool { return strings.EqualFold(e.Event, name) }

// Scene is what the scanned scene code says (see QRRequest), for people who follow because
// of it and for those who did before; "" for everything else.
func (e Event) Scene() string {
	switch e.Event {
	case "subscribe":
		scene, found := strings.CutPrefix(e.EventKey, "qrscene_")
		if !found {
			return ""
		}
		return scene
	case "scan":
		return e.EventKey
	}
	return ""
}

// DedupeKey is equal for repeats of one message and differs between messages, card
// events of one second included. It is a digest: it holds no openid.
func (e Event) DedupeKey(account string) string {
	h := sha256.New()
	for _, part := range []string{
		account, e.FromUser, strconv.FormatInt(e.CreateTime, 10), strings.ToLower(e.Event), e.EventKey, e.CardID, e.UserCardCode, e.MsgID,
		e.OrderID, e.Status,
	} {
		// Lengths keep neighbours apart: "a"+"bc" is not "ab"+"c".
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ErrBadEvent marks a body that is no message of WeChat.
var ErrBadEvent = errors.New("wechat: not a pushed message")

// ParseEvent reads a plain pushed message. The content type does not matter. Unknown
// fields and unknown events are kept, not refused; document types, entities, excessive
// size or depth, and anything but one <xml> element are refused with ErrBadEvent.
func ParseEvent(body []byte) (Event, error) {
	raw, err := leaves(body)
	if err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrBadEvent, err)
	}
	// WeChat mixes cases: MsgId is MsgID in job reports.
	folded := make(map[string]string, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) { // in order, so that a repeat reads alike
		folded[strings.ToLower(name)] = raw[name]
	}
	field := func(name string) string {
		if value, exact := raw[name]; exact {
			return value
		}
		return folded[strings.ToLower(name)]
	}
	number := func(name string) int64 {
		n, err := strconv.ParseInt(field(name), 10, 64)
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	e := Event{
		ToUser: field("ToUserName"), FromUser: field("FromUserName"), CreateTime: number("CreateTime"),
		MsgType: strings.ToLower(field("MsgType")), MsgID: field("MsgId"), Event: strings.ToLower(field("Event")), EventKey: field("EventKey"),
		CardID: field("CardId"), UserCardCode: field("UserCardCode"), OldUserCardCode: field("OldUserCardCode"), OuterStr: field("OuterStr"),
		IsGiveByFriend: number("IsGiveByFriend") == 1, FriendUserName: field("FriendUserName"), UnionID: field("UnionId"),
		ConsumeSource: field("ConsumeSource"), StaffOpenID: field("StaffOpenId"), LocationName: field("LocationName"), RefuseReason: field("RefuseReason"),
		Content: field("Content"), MediaID: field("MediaId"), PicURL: field("PicUrl"), Ticket: field("Ticket"),
		IsReturnBack: number("IsReturnBack") == 1, IsChatRoom: number("IsChatRoom") == 1, IsRestoreMemberCard: number("IsRestoreMemberCard") == 1,
		SourceScene: field("SourceScene"), VerifyCode: field("VerifyCode"), RemarkAmount: field("RemarkAmount"), Detail: field("Detail"),
		OrderID: field("OrderId"), TransID: field("TransId"), Status: field("Status"), Fee: number("Fee"), OriginalFee: number("OriginalFee"),
		Raw: raw,
	}
	return e, nil
}

// leaves reads the elements without children.
func leaves(body []byte) (map[string]string, error) {
	if len(body) > MaxEvent {
		return nil, errors.New("too large")
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.Map(written, bytes.TrimPrefix(body, []byte("\ufeff")))))
	out := make(map[string]string)
	var (
		path   []string
		text   strings.Builder
		leaf   bool
		rooted bool
		fields int
	)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("document type")
		case xml.StartElement:
			if len(path) == 0 && (rooted || t.Name.Local != "xml") {
				return nil, errors.New("root is not one xml element")
			}
			rooted = true
			fields++
			if len(path) >= maxEventDepth || fields > maxEventFields {
				return nil, errors.New("too deep or too many fields")
			}
			path = append(path, t.Name.Local)
			text.Reset()
			leaf = true
		case xml.CharData:
			if len(path) == 0 && len(bytes.TrimSpace(t)) > 0 {
				return nil, errors.New("text outside the root")
			}
			if leaf {
				text.Write(t)
			}
		case xml.EndElement:
			if leaf && len(path) > 1 {
				name := strings.Join(path[1:], ".")
				if _, seen := out[name]; !seen {
					// The official samples have spaces around CDATA.
					out[name] = strings.TrimSpace(text.String())
				}
			}
			leaf = false
			path = path[:len(path)-1]
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no fields")
	}
	return out, nil
}

// written drops what XML does not have: people paste it into messages. Bytes that are no
// text become U+FFFD.
func written(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
		return -1
	}
	return r
}
