package visitor

// action is the key of the primary button's words.
func (p Page) action() string {
	state := p.State
	if state == FormError {
		state = Form
	}
	if state == Ready && p.priced() {
		return "visitor.ready.action_pay"
	}
	return "visitor." + string(state) + ".action"
}

// hasBar reports whether the state has anything to press.
func (p Page) hasBar() bool {
	switch p.State {
	case Snapshot, WeChatDesktop, NotFound, NotEligible, Blocked:
		return false
	case Ended:
		return p.Visitor == 0 && p.Inside
	case Already:
		return p.Claim() != nil && (!p.local() && p.Claim().State.Has() || len(p.shown()) > 0)
	case Redeemed, ExpiredCard, VoidedCard:
		return p.More
	case DayQuota:
		return len(p.Cards) > 0
	}
	return p.Campaign != nil || p.Back != ""
}

// hasSecond reports whether a quiet link stands below the button.
func (p Page) hasSecond() bool {
	switch p.State {
	case Claimed, ClaimedLocal:
		return p.More
	case AuthDenied, PayFailed:
		return true
	case SoldOut, Paused:
		return p.Visitor == 0 && p.Inside
	}
	return false
}
