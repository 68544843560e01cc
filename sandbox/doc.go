// Package sandbox plays WeChat: the account API, web authorisation, the app side of the
// JS-SDK, the wallet, event pushes, the chat with the official account (menu, scene codes,
// messages, answers), the mini program, WeChat Pay (both versions, when there is a merchant),
// and a phone page on which a person tries a campaign.
//
// It checks every signature, code, token, nonce and limit from its own reading of the
// protocol and imports nothing of ours, so that a mistake made elsewhere is not repeated
// here. All state is in memory, under one mutex, and bounded. One file per noun; a new
// way to fail goes into switches.go, a page or script into ui/.
package sandbox
