package ui

import (
	"context"
	"strings"

	"kaquan/i18n"
)

// browsers and systems are what a User-Agent says, the telling before the common: most
// browsers also claim to be others.
var (
	browsers = [][2]string{
		{"MicroMessenger", ""},
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"HuaweiBrowser", "Huawei Browser"},
		{"MiuiBrowser", "Mi Browser"},
		{"QQBrowser", "QQBrowser"},
		{"Firefox", "Firefox"},
		{"FxiOS", "Firefox"},
		{"CriOS", "Chrome"},
		{"Chrome", "Chrome"},
		{"Safari", "Safari"},
	}
	systems = [][2]string{
		{"OpenHarmony", "HarmonyOS"},
		{"HarmonyOS", "HarmonyOS"},
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"Macintosh", "Mac"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	}
)

// Device is a User-Agent in words: Chrome · Windows.
func Device(ctx context.Context, agent string) string {
	find := func(names [][2]string) (string, bool) {
		for _, n := range names {
			if strings.Contains(agent, n[0]) {
				return n[1], true
			}
		}
		return "", false
	}
	browser, known := find(browsers)
	if known && browser == "" {
		browser = i18n.T(ctx, "people.device.wechat")
	}
	system, _ := find(systems)
	switch {
	case browser != "" && system != "":
		return browser + " · " + system
	case browser+system != "":
		return browser + system
	}
	return i18n.T(ctx, "people.device.unknown")
}
