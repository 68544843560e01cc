package admin

// ChannelsStep is the card that friends see.
type ChannelsStep struct {
	Title string `json:"share_title"`
	Desc  string `json:"share_desc"`
	Image string `json:"share_image"`
}
