const { newKey } = require('../../lib/api');
const { parse, camera } = require('../../lib/scan');
const places = require('../../lib/places');
const ui = require('../../lib/page');

Page({
  data: { t: {}, who: '', places: [], names: [], index: 0, q: '', low: false, rows: [], next: '', loading: true, busy: false, may: {} },

  onLoad() {
    this.t = ui.words(this);
    wx.setNavigationBarTitle({ title: this.t('stock') });
  },

  async onShow() {
    const s = ui.guard();
    if (!s) return;
    this.setData({ who: `${s.place.name} · ${s.staff.name}`, may: s.may });
    try {
      this.setData(await places.load());
    } catch (e) {
      this.setData({ loading: false });
      ui.gone(e);
      return;
    }
    await this.load();
  },

  async onPullDownRefresh() {
    await this.load();
    wx.stopPullDownRefresh();
  },

  place() {
    return (this.data.places[this.data.index] || {}).id || '';
  },

  async load(after) {
    const asked = (this.asked = (this.asked || 0) + 1); // a slow answer must not overwrite a newer one
    try {
      const out = await getApp().api.get('/mini/v1/staff/goods', { place: this.place(), q: this.data.q.trim(), low: this.data.low ? 1 : '', after }, { staff: true });
      if (asked !== this.asked) return;
      const rows = out.goods.map((g) => ({ ...g, here: this.t('stock_here', { n: g.stock, unit: g.unit }), all: this.t('stock_total', { n: g.total, unit: g.unit }) }));
      this.setData({ loading: false, rows: after ? this.data.rows.concat(rows) : rows, next: out.next });
    } catch (e) {
      if (asked !== this.asked) return;
      this.setData({ loading: false });
      ui.gone(e);
    }
  },

  onPlace(e) {
    this.setData({ index: Number(e.detail.value) });
    places.remember(this.place());
    return this.load();
  },

  onSearch(e) {
    this.setData({ q: e.detail.value });
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.load(), 300);
  },

  onUnload() {
    clearTimeout(this.typing);
  },

  onLow() {
    this.setData({ low: !this.data.low });
    return this.load();
  },

  onMore() {
    return this.load(this.data.next);
  },

  onOpen(e) {
    wx.navigateTo({ url: '/stock/goods/goods?id=' + encodeURIComponent(e.currentTarget.dataset.id) });
  },

  // onScan opens the article of a barcode, or offers to make it.
  async onScan() {
    const scan = await camera(wx).catch(() => null);
    if (!scan) return;
    const found = parse(scan);
    if (found.kind === 'bad' || found.kind === 'page') {
      ui.tell(this.t('scan_bad'));
      return;
    }
    await ui.busy(this, async () => {
      let out;
      try {
        out = await getApp().api.post('/mini/v1/staff/look', { text: found.text, type: found.type }, { staff: true, key: newKey() });
      } catch (e) {
        ui.gone(e);
        return;
      }
      if (out.kind === 'goods') wx.navigateTo({ url: '/stock/goods/goods?id=' + encodeURIComponent(out.goods.id) });
      else if (out.kind === 'unknown' && out.barcode) {
        if (await ui.ask(out.text, this.t('new_goods_ask'))) this.make(out.text);
      } else ui.tell(this.t('scan_bad'));
    });
  },

  make(barcode) {
    wx.navigateTo({ url: '/stock/goods/goods?barcode=' + encodeURIComponent(barcode) });
  },

  onNew() {
    this.make('');
  },

  onCount() {
    wx.navigateTo({ url: '/stock/count/count?place=' + encodeURIComponent(this.place()) });
  },

  onLog() {
    wx.navigateTo({ url: '/stock/log/log?place=' + encodeURIComponent(this.place()) });
  },

  onRedeem() {
    wx.redirectTo({ url: '/staff/scan/scan' });
  },
});
