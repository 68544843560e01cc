const qr = require('../../lib/qr');
const { parse, camera, grouped, campaignOf, campaignPath } = require('../../lib/scan');
const time = require('../../lib/time');
const ui = require('../../lib/page');

const LIVE = ['held', 'opened', 'reported', 'confirmed'];
const CACHE = 'kaquan.cards'; // codes show without a network, in a cellar too

Page({
  data: { t: {}, loading: true, problem: '', rows: [], shown: null, drawn: true },

  onLoad() {
    this.t = ui.words(this);
    const kept = wx.getStorageSync(CACHE);
    if (kept) this.show(kept);
  },

  onShow() {
    this.t = ui.words(this); // the language may have changed on the other tab
    wx.setNavigationBarTitle({ title: this.t('tab_cards') });
    return this.load();
  },

  onHide() {
    this.onClose();
  },

  onUnload() {
    this.onClose();
  },

  async onPullDownRefresh() {
    await this.load();
    wx.stopPullDownRefresh();
  },

  async load() {
    try {
      const out = await getApp().api.get('/mini/v1/claims');
      wx.setStorageSync(CACHE, out.claims);
      this.show(out.claims);
    } catch (e) {
      this.setData({ loading: false, problem: ui.explain(e) });
    }
  },

  show(claims) {
    const rows = claims.map(({ claim, campaign }) => ({
      id: claim.id, slug: campaign.slug, name: campaign.benefit || campaign.name, brand: campaign.brand, validity: campaign.validity,
      colour: /^#[0-9a-f]{6}$/i.test(campaign.colour) ? campaign.colour : '#087749', live: LIVE.includes(claim.state), state: this.t('st_' + claim.state),
      when: time.dateTime(claim.redeemed_at || claim.created_at), code: claim.code, groups: claim.code_groups || grouped(claim.code), qr: claim.qr, wallet: Boolean(claim.card_id),
      unfinished: ['held', 'opened', 'reported'].includes(claim.state),
    }));
    this.setData({ loading: false, problem: '', rows });
  },

  row(e) {
    return this.data.rows.find((r) => r.id === e.currentTarget.dataset.id);
  },

  // onOpen shows a code large on a bright screen; a card without one leads to its campaign.
  onOpen(e) {
    const row = this.row(e);
    if (!row.code) return wx.navigateTo({ url: '/pages/campaign/campaign?slug=' + encodeURIComponent(row.slug) });
    this.setData({ shown: row, drawn: true });
    wx.getScreenBrightness({ success: (r) => { this.brightness = r.value; wx.setScreenBrightness({ value: 1 }); } });
    wx.setKeepScreenOn({ keepScreenOn: true });
    return wx.nextTick(async () => this.setData({ drawn: await qr.paint(wx, this, '#code', row.qr || row.code) }));
  },

  onClose() {
    if (!this.data.shown) return;
    this.setData({ shown: null });
    if (this.brightness !== undefined) wx.setScreenBrightness({ value: this.brightness });
    this.brightness = undefined;
    wx.setKeepScreenOn({ keepScreenOn: false });
    this.load(); // it may have been redeemed meanwhile
  },

  onCopy() {
    wx.setClipboardData({ data: this.data.shown.code });
  },

  // onScan opens the campaign of a code of this mini program.
  async onScan() {
    const scan = await camera(wx, ['wxCode', 'qrCode']).catch(() => null);
    if (!scan) return;
    const found = parse(scan);
    const url = found.kind === 'page' ? this.pathOf(found.fields) : campaignPath(found.text || '', getApp().server);
    return url ? wx.navigateTo({ url }) : ui.tell(this.t('scan_not_ours'));
  },

  pathOf(fields) {
    const { slug, ch, short } = campaignOf(fields);
    if (short) return '/pages/campaign/campaign?scene=c.' + short;
    return slug ? `/pages/campaign/campaign?slug=${encodeURIComponent(slug)}&ch=${encodeURIComponent(ch)}` : '';
  },

  none() {},
});
