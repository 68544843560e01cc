package wechat

import (
	"maps"
	"slices"
	"strconv"
)

// classes has every code that our calls, or our visitors, can meet (protocol 9). Each has
// its sentence, "wechat.error.<code>" (busy for -1), in i18n/locales/wechat.*.json.
var classes = map[int]Class{
	-1:    ClassBusy,
	10003: ClassConfig,
	10004: ClassPermission,
	10005: ClassPermission,
	10006: ClassVisitor,
	10009: ClassBusy,
	10010: ClassInput,
	10011: ClassInput,
	10012: ClassConfig,
	10013: ClassInput,
	10015: ClassPermission,
	10016: ClassConfig,
	40001: ClassToken,
	40002: ClassInput,
	40003: ClassInput,
	40004: ClassInput,
	40005: ClassInput,
	40006: ClassInput,
	40007: ClassInput,
	40008: ClassInput,
	40009: ClassInput,
	40013: ClassConfig,
	40014: ClassToken,
	40015: ClassInput,
	40029: ClassVisitor,
	40030: ClassVisitor,
	40033: ClassInput,
	40035: ClassInput,
	40037: ClassInput,
	40048: ClassInput,
	40053: ClassInput,
	40056: ClassCard,
	40066: ClassInput,
	40071: ClassCard,
	40072: ClassCard,
	40073: ClassCard,
	40078: ClassCard,
	40079: ClassCard,
	40080: ClassInput,
	40097: ClassInput,
	40099: ClassCard,
	40100: ClassCard,
	40109: ClassInput,
	40116: ClassInput,
	40122: ClassCard,
	40124: ClassCard,
	40125: ClassConfig,
	40127: ClassCard,
	40130: ClassInput,
	40137: ClassInput,
	40163: ClassVisitor,
	40164: ClassConfig,
	40201: ClassConfig,
	40202: ClassInput,
	40203: ClassInput,
	40226: ClassVisitor,
	40243: ClassConfig,
	41001: ClassToken,
	41002: ClassConfig,
	41004: ClassConfig,
	41008: ClassVisitor,
	41009: ClassInput,
	41011: ClassInput,
	41012: ClassInput,
	42001: ClassToken,
	42002: ClassVisitor,
	42003: ClassVisitor,
	42007: ClassVisitor,
	43001: ClassInput,
	43002: ClassInput,
	43003: ClassInput,
	43004: ClassVisitor,
	43005: ClassVisitor,
	43009: ClassPermission,
	43010: ClassPermission,
	43019: ClassVisitor,
	43101: ClassVisitor,
	44002: ClassInput,
	45002: ClassInput,
	45003: ClassInput,
	45004: ClassInput,
	45005: ClassInput,
	45009: ClassQuota,
	45011: ClassQuota,
	45015: ClassVisitor,
	45021: ClassInput,
	45030: ClassCard,
	45031: ClassCard,
	45033: ClassCard,
	45047: ClassQuota,
	46003: ClassInput,
	46004: ClassVisitor,
	47001: ClassInput,
	47003: ClassInput,
	48001: ClassPermission,
	48002: ClassVisitor,
	48004: ClassPermission,
	48006: ClassQuota,
	50001: ClassPermission,
	50002: ClassVisitor,
	50004: ClassPermission,
	50005: ClassVisitor,
	50007: ClassPermission,
	61004: ClassConfig,
	61007: ClassPermission,
	61024: ClassConfig,
	61450: ClassBusy,
	61451: ClassInput,
	61500: ClassInput,
	61501: ClassInput,
	65301: ClassInput,
	76003: ClassInput,
	76021: ClassInput,
	76022: ClassPermission,
	87008: ClassInput,
	87009: ClassVisitor,
	89501: ClassConfig,
	89503: ClassConfig,
	89506: ClassConfig,
	89507: ClassConfig,

	10060004: ClassInput,
}

// places are where a code is put right when its class alone does not say: the last part
// of "wechat.place.<name>".
var places = map[int]string{
	10003: "oauth_domain",
	10004: "notices",
	10012: "app_id",
	10015: "platform",
	10016: "app_id",
	40001: "secret",
	40013: "app_id",
	40125: "secret",
	40164: "ip_allow_list",
	40201: "server_config",
	40243: "secret",
	41002: "app_id",
	41004: "secret",
	43009: "card_settings",
	43010: "card_settings",
	45009: "quota",
	45011: "quota",
	48004: "notices",
	48006: "quota",
	50004: "notices",
	50007: "notices",
	61004: "platform",
	61007: "platform",
	61024: "app_id",
	89501: "ip_allow_list",
	89503: "administrator",
	89506: "administrator",
	89507: "administrator",
}

// impacts are the codes with a sentence of their own about what they break,
// "wechat.error.<code>.impact".
var impacts = map[int]bool{
	10003: true,
	40001: true,
	40013: true,
	40080: true,
	40125: true,
	40164: true,
	40201: true,
	40243: true,
	42001: true,
	45009: true,
	45011: true,
	45031: true,
	48001: true,
	50004: true,
	50007: true,
}

// Explanation is what the catalogue knows about a code; its parts are keys of sentences.
type Explanation struct {
	Code    int
	Class   Class
	Meaning string // what it means and what to change
	Impact  string // what does not work meanwhile
	Place   string // where it is put right
	Known   bool
}

// Explain looks a code up. A code that is not in the catalogue is of ClassUnknown, and
// its sentences ask for the rid.
func Explain(code int) Explanation {
	e := Explanation{Code: code, Class: ClassUnknown, Meaning: "wechat.error.unknown"}
	switch { // whole ranges have one sentence
	case code > 40015 && code <= 40027:
		code = 40015
	case code > 65301 && code <= 65317:
		code = 65301
	}
	if class, known := classes[code]; known {
		e.Class, e.Known = class, true
		e.Meaning = "wechat.error." + codeWord(code)
	}
	e.Impact = "wechat.class." + string(e.Class) + ".impact"
	if impacts[code] {
		e.Impact = "wechat.error." + codeWord(code) + ".impact"
	}
	e.Place = "wechat.class." + string(e.Class) + ".place"
	if name, special := places[code]; special {
		e.Place = "wechat.place." + name
	}
	return e
}

// codeWord is a code as part of a key; keys have no minus.
func codeWord(code int) string {
	if code == -1 {
		return "busy"
	}
	return strconv.Itoa(code)
}

// Codes are all codes of the catalogue, in rising order.
func Codes() []int { return slices.Sorted(maps.Keys(classes)) }
