const { parse, camera } = require('../../lib/scan');
const ui = require('../../lib/page');

const PLACE = 'kaquan.place'; // the store where this phone was used last

Page({
  data: { t: {}, code: '', place: null, who: '', pin: '', error: '', busy: false },

  onLoad(query) {
    this.t = ui.words(this);
    wx.setNavigationBarTitle({ title: this.t('door') });
    if (getApp().staff.read()) return wx.redirectTo({ url: '/staff/scan/scan' });
    if (query.bind) return this.bind(query.bind);
    const code = query.place || wx.getStorageSync(PLACE) || '';
    this.setData({ code });
    return code ? this.find() : undefined;
  },

  onCode(e) {
    this.setData({ code: e.detail.value, error: '' });
  },

  onPin(e) {
    this.setData({ pin: e.detail.value, error: '' });
  },

  onWho(e) {
    this.setData({ who: e.currentTarget.dataset.id, error: '' });
  },

  onOther() {
    this.setData({ place: null, who: '', pin: '', error: '' });
  },

  // onScan reads the code of the store or a link that binds a WeChat identity.
  async onScan() {
    const scan = await camera(wx).catch(() => null);
    if (!scan) return undefined;
    const found = parse(scan);
    const fields = found.fields || {};
    if (fields.bind) return this.bind(fields.bind);
    if (found.kind === 'bad' || (found.kind === 'page' && !fields.place)) return ui.tell(this.t('scan_bad'));
    this.setData({ code: fields.place || found.text, error: '' });
    return this.find();
  },

  // run tells an error under the fields, where it belongs.
  run(job) {
    return ui.busy(this, async () => {
      try {
        await job();
      } catch (e) {
        this.setData({ error: ui.explain(e), pin: e.field === 'pin' ? '' : this.data.pin });
      }
    });
  },

  find() {
    const code = this.data.code.trim();
    if (!code) return undefined;
    return this.run(async () => {
      const place = await getApp().api.get('/mini/v1/staff/places/' + encodeURIComponent(code));
      this.setData({ place, who: place.staff.length === 1 ? place.staff[0].id : '' });
    });
  },

  onSignIn() {
    const { place, who, pin } = this.data;
    if (!who || !pin) return undefined;
    return this.run(async () => this.enter(await getApp().api.post('/mini/v1/staff/session', { place: place.id, staff: who, pin })));
  },

  onWechat() {
    return this.run(async () => this.enter(await getApp().api.post('/mini/v1/staff/session', { wechat: true })));
  },

  bind(token) {
    return this.run(async () => this.enter(await getApp().api.post('/mini/v1/staff/bind', { token })));
  },

  enter(session) {
    const { code, place } = this.data;
    if (place) wx.setStorageSync(PLACE, code.trim());
    this.setData({ pin: '' });
    getApp().staff.write(session);
    wx.redirectTo({ url: session.may.redeem ? '/staff/scan/scan' : '/stock/home/home' });
  },
});
