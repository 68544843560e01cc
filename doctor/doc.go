// Package doctor finds out what keeps campaigns from working and says it in sentences:
// what happened, since when, what it breaks, where to change it and to what. The health
// board, the command and the background task all ask the one Service here.
//
// It may import fault and wechat. A new check is a Check in finding.go, a function in a
// file named for its subject, and sentences in i18n/locales/doctor.*.json.
package doctor
