// What a page shows and offers in each state of a campaign. The server decides the state
// and writes its sentences; this table only says which button belongs to it.
//
// action: form, claim, wallet, pay, paid, show, refresh, more, or '' for none.
const STATES = {
  form: { tone: 'open', action: 'form' },
  ready: { tone: 'open', action: 'claim' },
  before_start: { tone: 'wait', action: 'refresh', count: 'starts_at' },
  claiming: { tone: 'open', action: 'wallet', count: 'hold_until' },
  cancelled: { tone: 'open', action: 'wallet', count: 'hold_until' },
  pay_needed: { tone: 'open', action: 'pay', second: 'paid', count: 'hold_until' },
  pay_failed: { tone: 'open', action: 'pay', second: 'paid', count: 'hold_until' },
  paying: { tone: 'wait', action: 'paid', poll: true },
  refunded: { tone: 'over', action: 'more' },
  confirming: { tone: 'wait', action: 'refresh', poll: true },
  claimed: { tone: 'good', action: 'show' },
  claimed_local: { tone: 'good', action: 'show' },
  already: { tone: 'good', action: 'show' },
  day_quota: { tone: 'wait', action: 'show' },
  sold_out: { tone: 'wait', action: 'refresh' },
  paused: { tone: 'wait', action: 'refresh' },
  ended: { tone: 'over', action: 'show' },
  redeemed: { tone: 'over', action: 'show' },
  expired: { tone: 'over', action: '' },
  voided: { tone: 'over', action: '' },
};

// A state that is new to this program still shows its sentences, and can be refreshed.
const UNKNOWN = { tone: 'wait', action: 'refresh' };

// viewOf is what the campaign page draws. Buttons that lead nowhere are left out.
function viewOf(page) {
  const base = STATES[page.state] || UNKNOWN;
  const claim = (page.mine || [])[0] || null;
  const view = { state: page.state, tone: base.tone, action: base.action, second: base.second || '', poll: Boolean(base.poll), until: '', priced: page.price > 0 };
  if (base.count === 'starts_at') view.until = page.starts_at;
  if (base.count === 'hold_until' && claim) view.until = claim.hold_until;
  if (view.action === 'show' && !(page.mine || []).length) view.action = 'refresh';
  if (view.action === 'form' && !(page.form || []).length) view.action = 'claim';
  if (claim && claim.order && claim.order.state === 'awaiting' && (view.action === 'wallet' || view.action === 'refresh' && base.poll)) {
    Object.assign(view, { action: 'pay', second: 'paid', poll: false, until: claim.hold_until });
  }
  if ((page.state === 'claimed' || page.state === 'claimed_local' || page.state === 'already') && page.standing && page.standing.more) view.second = 'more';
  return view;
}

// ofOutcome reads the end of wx.addCard or wx.requestPayment: ok, cancel or fail.
function ofOutcome(errMsg) {
  const text = String(errMsg || '');
  if (/:ok$/.test(text)) return 'ok';
  return /cancel/.test(text) ? 'cancel' : 'fail';
}

module.exports = { viewOf, ofOutcome, STATES };
