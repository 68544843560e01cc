package staff

import (
	"kaquan/campaigns"
	"kaquan/stores"
)

// SignIn is the door: first the store, then the person and the PIN.
type SignIn struct {
	Page
	Accounts []campaigns.Account // to choose from; only where the link names none
	Account  string
	Places   []stores.PlaceRow // to choose from, those that are not disabled
	Place    *stores.Place     // the one that was chosen
	People   []stores.Staff
	Chosen   stores.StaffID
	Error    string
	WeChat   bool // the page is open in WeChat, where the identity can sign in
}

// Bind asks whether the WeChat identity of this phone is to be the member's.
type Bind struct {
	Page
	Staff   stores.Staff
	Place   stores.Place
	Token   string
	Refused string // why it cannot be; "" = it can
}
