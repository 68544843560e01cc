const { newKey } = require('../../lib/api');
const { serverErrors, clean, narrow } = require('../../lib/form');
const { parse, camera } = require('../../lib/scan');
const { parseYuan, yuan } = require('../../lib/money');
const places = require('../../lib/places');
const ui = require('../../lib/page');

const MOST = 1000000;

// whole reads a whole number from 0; null when it is none.
function whole(text) {
  const s = narrow(clean(text));
  return /^[0-9]{1,7}$/.test(s) ? Number(s) : null;
}

Page({
  data: {
    t: {}, loading: true, goods: null, levels: [], editing: false, draft: {}, errors: {}, kind: 'in', quantity: '1', reason: '', book: '', here: '',
    places: [], names: [], index: 0, others: [], otherNames: [], to: -1, busy: false,
  },

  async onLoad(query) {
    this.t = ui.words(this);
    wx.setNavigationBarTitle({ title: this.t(query.id ? 'goods' : 'new_goods') });
    if (!ui.guard()) return;
    this.id = query.id ? decodeURIComponent(query.id) : '';
    this.key = newKey();
    if (!this.id) {
      this.setData({ loading: false, editing: true, draft: { barcode: decodeURIComponent(query.barcode || ''), name: '', unit: '', price: '', minimum: '0' } });
      return;
    }
    try {
      this.setData(await places.load());
      this.kindOf('in');
      await this.load();
    } catch (e) {
      this.setData({ loading: false });
      ui.gone(e);
    }
  },

  async load() {
    const out = await getApp().api.get('/mini/v1/staff/goods/' + encodeURIComponent(this.id), { place: this.place() }, { staff: true });
    this.setData({ loading: false, levels: out.levels });
    this.show(out.goods);
  },

  show(goods) {
    this.id = goods.id;
    this.setData({ goods, price: yuan(goods.price), here: this.t('stock_here', { n: goods.stock, unit: goods.unit }) });
  },

  place() {
    return (this.data.places[this.data.index] || {}).id || '';
  },

  onPlace(e) {
    this.setData({ index: Number(e.detail.value), to: -1 });
    places.remember(this.place());
    this.kindOf(this.data.kind);
    return ui.busy(this, () => this.load());
  },

  onKind(e) {
    this.kindOf(e.currentTarget.dataset.kind);
  },

  // kindOf sets what will be booked; another booking is another key.
  kindOf(kind) {
    const others = this.data.places.filter((p) => p.id !== this.place());
    this.key = newKey();
    this.setData({ kind, errors: {}, others, otherNames: others.map((p) => p.name), book: this.t('book', { kind: this.t('k_' + kind) }) });
  },

  onTo(e) {
    this.key = newKey();
    this.setData({ to: Number(e.detail.value), errors: {} });
  },

  onQuantity(e) {
    this.key = newKey();
    this.setData({ quantity: e.detail.value, errors: {} });
  },

  onStep(e) {
    const n = (whole(this.data.quantity) || 0) + Number(e.currentTarget.dataset.step);
    this.key = newKey();
    this.setData({ quantity: String(Math.min(MOST, Math.max(1, n))), errors: {} });
  },

  onReason(e) {
    this.key = newKey();
    this.setData({ reason: e.detail.value });
  },

  // onBook writes one movement. The key stays until an answer came: a second tap after a lost
  // one books nothing twice.
  onBook() {
    const { kind, others, to, reason, goods } = this.data;
    const quantity = whole(this.data.quantity);
    const errors = {};
    if (!quantity || quantity > MOST) errors.quantity = this.t('quantity_bad');
    if (kind === 'move' && to < 0) errors.to = this.t('to_missing');
    this.setData({ errors });
    if (Object.keys(errors).length) return undefined;
    return ui.busy(this, async () => {
      try {
        const out = await getApp().api.post('/mini/v1/staff/movements', {
          kind, place: this.place(), goods: goods.id, quantity, reason: clean(reason), to: kind === 'move' ? others[to].id : '', at: new Date().toISOString(),
        }, { staff: true, key: this.key });
        this.key = newKey();
        wx.vibrateShort({ type: 'medium' });
        this.setData({ quantity: '1', reason: '' });
        this.show(out.goods);
        ui.tell(this.t('booked', { kind: this.t('k_' + kind), stock: out.goods.stock, unit: out.goods.unit }));
        await this.load();
      } catch (e) {
        this.fail(e);
      }
    });
  },

  // fail writes an error beside its field, with the stock that is there when there is too little.
  fail(e) {
    if (e.network) {
      ui.tell(ui.explain(e));
      return;
    }
    if (e.status === 401) {
      ui.gone(e);
      return;
    }
    this.key = newKey();
    const errors = serverErrors(e);
    if (errors.quantity && e.body && Number.isInteger(e.body.have)) errors.quantity += ' ' + this.t('have', { n: e.body.have });
    if (Object.keys(errors).length) this.setData({ errors });
    else ui.tell(ui.explain(e));
  },

  onEdit() {
    const { goods } = this.data;
    this.setData({ editing: true, errors: {}, draft: { barcode: goods.barcode, name: goods.name, unit: goods.unit, price: yuan(goods.price), minimum: String(goods.minimum) } });
  },

  onCancel() {
    if (!this.id) wx.navigateBack();
    else this.setData({ editing: false, errors: {} });
  },

  onDraft(e) {
    const { name } = e.currentTarget.dataset;
    this.key = newKey();
    this.setData({ [`draft.${name}`]: e.detail.value, [`errors.${name}`]: '' });
  },

  async onScan() {
    const scan = await camera(wx, ['barCode', 'qrCode']).catch(() => null);
    const found = scan && parse(scan);
    if (found && found.text) this.setData({ 'draft.barcode': found.text, 'errors.barcode': '' });
  },

  onSave() {
    const { draft } = this.data;
    const price = clean(draft.price) ? parseYuan(draft.price) : 0;
    const minimum = clean(draft.minimum) ? whole(draft.minimum) : 0;
    const body = { barcode: clean(draft.barcode), name: clean(draft.name), unit: clean(draft.unit), price, minimum };
    const errors = {};
    if (!body.barcode) errors.barcode = this.t('barcode_missing');
    if (!body.name) errors.name = this.t('name_missing');
    if (price === null) errors.price = this.t('price_bad');
    if (minimum === null) errors.minimum = this.t('whole_bad');
    this.setData({ errors });
    if (Object.keys(errors).length) return undefined;
    return ui.busy(this, async () => {
      const { api } = getApp();
      try {
        const out = this.id ? await api.put('/mini/v1/staff/goods/' + encodeURIComponent(this.id), body, { staff: true }) : await api.post('/mini/v1/staff/goods', body, { staff: true, key: this.key });
        ui.tell(this.t('saved'));
        if (!this.id) this.setData(await places.load());
        this.show(out.goods);
        this.setData({ editing: false });
        this.kindOf(this.data.kind);
        await this.load();
      } catch (e) {
        this.fail(e);
      }
    });
  },

  onLog() {
    wx.navigateTo({ url: '/stock/log/log?goods=' + encodeURIComponent(this.id) });
  },
});
