const { newKey } = require('../../lib/api');
const { narrow, clean } = require('../../lib/form');
const { parse, camera } = require('../../lib/scan');
const ui = require('../../lib/page');

Page({
  data: { t: {}, title: '', count: null, rows: [], busy: false, problem: '' },

  async onLoad(query) {
    this.t = ui.words(this);
    wx.setNavigationBarTitle({ title: this.t('count') });
    if (!ui.guard()) return;
    this.place = decodeURIComponent(query.place || '');
    this.keys = { open: newKey(), close: newKey(), cancel: newKey() };
    await this.open();
  },

  // open starts a count, or goes on with the one that is open here.
  async open() {
    this.setData({ problem: '' });
    try {
      this.show((await this.post('', { place: this.place }, this.keys.open)).count);
    } catch (e) {
      this.setData({ problem: ui.explain(e) });
      if (e.status === 401) ui.gone(e);
    }
  },

  post(path, body, key) {
    return getApp().api.post('/mini/v1/staff/counts' + path, body, { staff: true, key });
  },

  path(rest) {
    return '/' + encodeURIComponent(this.data.count.id) + rest;
  },

  show(count) {
    const rows = count.lines.map((l) => ({
      ...l, expectedText: this.t('count_expected', { n: l.expected }), diffText: l.difference ? this.t('count_diff', { n: (l.difference > 0 ? '+' : '') + l.difference }) : '',
    }));
    this.setData({ count, rows, title: this.t('count_at', { place: count.place_name }) });
  },

  async onScan() {
    const scan = await camera(wx).catch(() => null);
    if (!scan) return undefined;
    const found = parse(scan);
    if (!found.text) return ui.tell(this.t('scan_bad'));
    return ui.busy(this, async () => {
      const out = await getApp().api.post('/mini/v1/staff/look', { text: found.text, type: found.type }, { staff: true, key: newKey() });
      if (out.kind !== 'goods') return ui.tell(this.t('scan_bad'));
      return this.enter(out.goods.id, out.goods.name);
    });
  },

  onRow(e) {
    const row = this.data.rows.find((r) => r.goods === e.currentTarget.dataset.id);
    return ui.busy(this, () => this.enter(row.goods, row.name));
  },

  // enter asks how many there are. What stands is what was entered last.
  async enter(goods, name) {
    const text = await ui.prompt(name, this.t('count_seen'));
    if (text === null) return;
    const seen = narrow(clean(text));
    if (!/^[0-9]{1,7}$/.test(seen)) {
      ui.tell(this.t('whole_bad'));
      return;
    }
    const out = await getApp().api.put('/mini/v1/staff/counts' + this.path('/lines'), { goods, seen: Number(seen) }, { staff: true });
    wx.vibrateShort({ type: 'light' });
    this.show(out.count);
  },

  onDrop(e) {
    const { id } = e.currentTarget.dataset;
    return ui.busy(this, async () => this.show((await getApp().api.del('/mini/v1/staff/counts' + this.path('/lines/' + encodeURIComponent(id)), {}, { staff: true })).count));
  },

  async onClose() {
    const { different } = this.data.count;
    if (!(await ui.ask(this.t('count_done'), different ? this.t('count_ask', { n: different }) : this.t('count_same')))) return;
    await ui.busy(this, async () => {
      await this.post(this.path('/close'), { reason: '' }, this.keys.close);
      ui.tell(this.t('count_closed'));
      wx.navigateBack();
    });
  },

  async onCancel() {
    if (!(await ui.ask(this.t('count_cancel'), this.t('count_cancel_ask')))) return;
    await ui.busy(this, async () => {
      await this.post(this.path('/cancel'), {}, this.keys.cancel);
      wx.navigateBack();
    });
  },
});
