// Package reach is how an official account talks and spreads: rules that answer messages,
// follows, scans and menu clicks, the menu below the chat, scene codes whose scans are
// counted, and the account's own cards at WeChat.
//
// It imports fault and wechat; campaigns come through Store as name, link and words. A new
// occasion to answer goes into match.go, a new kind of answer into rule.go and answer.go.
package reach
