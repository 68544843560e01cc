const { newKey } = require('../../lib/api');
const { grouped } = require('../../lib/scan');
const time = require('../../lib/time');
const ui = require('../../lib/page');

const DAY = 86400000;

Page({
  data: { t: {}, day: '', last: true, mine: false, may: {}, rows: [], next: '', totals: '', summary: null, loading: true, busy: false },

  onLoad() {
    this.t = ui.words(this);
    wx.setNavigationBarTitle({ title: this.t('today') });
    this.setData({ day: time.day(Date.now()) });
  },

  onShow() {
    const s = ui.guard();
    if (!s) return undefined;
    this.setData({ may: s.may });
    return this.load();
  },

  async onPullDownRefresh() {
    await this.load();
    wx.stopPullDownRefresh();
  },

  async load(after) {
    const { day, mine, may } = this.data;
    try {
      const { api } = getApp();
      const out = await api.get('/mini/v1/staff/redemptions', { day, mine: mine ? 1 : '', after }, { staff: true });
      const rows = out.redemptions.map((r) => ({
        ...r, groups: grouped(r.code), when: this.t('at_by', { at: time.clock(r.at), by: r.by }), undoable: !r.undone_at && Boolean(time.left(r.undo_until, Date.now())),
      }));
      const summary = may.summary && !after ? await api.get('/mini/v1/staff/summary', { day }, { staff: true }) : this.data.summary;
      this.setData({ loading: false, rows: after ? this.data.rows.concat(rows) : rows, next: out.next, totals: this.t('totals', out.totals), summary, last: day === time.day(Date.now()) });
    } catch (e) {
      this.setData({ loading: false });
      ui.gone(e);
    }
  },

  onMore() {
    return this.load(this.data.next);
  },

  onMine() {
    this.setData({ mine: !this.data.mine });
    return this.load();
  },

  onDay(e) {
    const step = Number(e.currentTarget.dataset.step);
    const day = time.day(Date.parse(this.data.day + 'T04:00:00Z') + step * DAY);
    if (day > time.day(Date.now())) return undefined;
    this.setData({ day });
    return this.load();
  },

  async onUndo(e) {
    const row = this.data.rows.find((r) => r.id === e.currentTarget.dataset.id);
    if (!(await ui.ask(this.t('undo_sure'), row.benefit))) return;
    await ui.busy(this, async () => {
      await getApp().api.post(`/mini/v1/staff/redemptions/${encodeURIComponent(row.id)}/undo`, { reason: '' }, { staff: true, key: newKey() });
      ui.tell(this.t('undone'));
      await this.load();
    });
  },

  onCopy() {
    wx.setClipboardData({ data: this.data.summary.text });
  },
});
