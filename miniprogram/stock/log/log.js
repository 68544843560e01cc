const { newKey } = require('../../lib/api');
const time = require('../../lib/time');
const ui = require('../../lib/page');

const KINDS = ['', 'in', 'out', 'transfer_out', 'transfer_in', 'count', 'redeem', 'undo'];

Page({
  data: { t: {}, kinds: [], kind: 0, rows: [], next: '', loading: true, busy: false },

  async onLoad(query) {
    this.t = ui.words(this);
    wx.setNavigationBarTitle({ title: this.t('log') });
    if (!ui.guard()) return;
    this.filter = { place: decodeURIComponent(query.place || ''), goods: decodeURIComponent(query.goods || '') };
    this.setData({ kinds: KINDS.map((k) => this.t(k ? 'k_' + k : 'all_kinds')) });
    await this.load();
  },

  async onPullDownRefresh() {
    await this.load();
    wx.stopPullDownRefresh();
  },

  async load(after) {
    try {
      const out = await getApp().api.get('/mini/v1/staff/movements', { ...this.filter, kind: KINDS[this.data.kind], after }, { staff: true });
      const rows = out.movements.map((m) => ({
        ...m, what: this.t('k_' + m.kind), signed: (m.quantity > 0 ? '+' : '') + m.quantity, change: this.t('arrow', m), where: m.peer_name ? `${m.place_name} · ${m.peer_name}` : m.place_name,
        when: this.t('at_by', { at: time.dateTime(m.at), by: m.by }), undoable: !m.undone && Boolean(time.left(m.undo_until, Date.now())),
      }));
      this.setData({ loading: false, rows: after ? this.data.rows.concat(rows) : rows, next: out.next });
    } catch (e) {
      this.setData({ loading: false });
      ui.gone(e);
    }
  },

  onKind(e) {
    this.setData({ kind: Number(e.detail.value) });
    return this.load();
  },

  onMore() {
    return this.load(this.data.next);
  },

  async onUndo(e) {
    const row = this.data.rows.find((r) => r.id === e.currentTarget.dataset.id);
    if (!(await ui.ask(this.t('undo_move'), this.t('undo_move_ask', { what: `${row.what} ${row.goods_name} ${row.signed}` })))) return;
    await ui.busy(this, async () => {
      await getApp().api.post(`/mini/v1/staff/movements/${encodeURIComponent(row.id)}/undo`, { reason: '' }, { staff: true, key: newKey() });
      ui.tell(this.t('undone'));
      await this.load();
    });
  },
});
