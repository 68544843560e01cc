const { newKey } = require('../../lib/api');
const { parse, cardCode, grouped, camera } = require('../../lib/scan');
const time = require('../../lib/time');
const ui = require('../../lib/page');

const PENDING = 2000; // between two questions about a card that waits for WeChat

Page({
  data: {
    t: {}, who: '', may: {}, typed: '', card: null, holder: '', gift: '', groups: '', hint: '', result: null, undoText: '', online: true, waiting: '', conflicts: '', busy: false,
  },

  onLoad() {
    this.t = ui.words(this);
    wx.setNavigationBarTitle({ title: this.t('scan') });
    this.network = (r) => {
      this.setData({ online: r.isConnected });
      if (r.isConnected) this.flush();
    };
    wx.onNetworkStatusChange(this.network);
    wx.getNetworkType({ success: (r) => this.setData({ online: r.networkType !== 'none' }) });
  },

  onShow() {
    const s = ui.guard();
    if (!s) return undefined;
    this.setData({ who: `${s.place.name} · ${s.staff.name}`, may: s.may });
    this.count();
    return this.flush();
  },

  onHide() {
    clearTimeout(this.clock);
  },

  onUnload() {
    clearTimeout(this.clock);
    wx.offNetworkStatusChange(this.network);
  },

  // count writes how much waits for a network and what was refused after one.
  count() {
    const app = getApp();
    const s = app.staff.read();
    if (!s) return;
    const waiting = app.queue.waiting(s.staff.id).length;
    const conflicts = app.queue.conflicts(s.staff.id);
    this.setData({
      waiting: waiting ? this.t('waiting', { n: waiting }) : '', conflicts: conflicts.length ? this.t('conflicts', { n: conflicts.length }) : '',
      conflictList: conflicts.map((c) => ({ key: c.key, text: `${c.label} · ${time.clock(c.at)} · ${c.message || c.code}` })),
    });
  },

  async flush() {
    const app = getApp();
    const s = app.staff.read();
    if (!s || !app.queue.waiting(s.staff.id).length) return;
    const { done } = await app.queue.flush(s.staff.id, (job) => app.api.post(job.path, { ...job.body, at: job.at, offline: true }, { staff: true, key: job.key }));
    this.count();
    if (done) ui.tell(this.t('flushed', { n: done }));
  },

  onTyped(e) {
    this.setData({ typed: e.detail.value, hint: '' });
  },

  onType() {
    return this.look({ result: this.data.typed });
  },

  async onScan() {
    const scan = await camera(wx).catch(() => null);
    return scan ? this.look(scan) : undefined;
  },

  // look asks what a code stands for. Nothing is used up by it.
  async look(scan) {
    const found = parse(scan);
    if (found.kind === 'bad' || found.kind === 'page') return this.setData({ hint: this.t('scan_bad') });
    return ui.busy(this, async () => {
      try {
        const out = await getApp().api.post('/mini/v1/staff/look', { text: found.text, type: found.type }, { staff: true, key: newKey() });
        if (out.kind === 'card') return this.open(out.card);
        if (out.kind === 'goods' && this.data.may.stock) {
          if (await ui.ask(out.goods.name, this.t('goods_hint'))) wx.navigateTo({ url: '/stock/goods/goods?id=' + encodeURIComponent(out.goods.id) });
          return undefined;
        }
        return this.setData({ hint: this.t('not_card') });
      } catch (e) {
        if (e.network) return this.offline(found);
        if (e.status === 404 || e.status === 422) return this.finish({ tone: 'bad', word: this.t('refused'), body: ui.explain(e) });
        return ui.gone(e);
      }
    });
  },

  open(card) {
    this.key = newKey(); // one key for this card, however often the button is tapped
    this.setData({
      card, typed: '', hint: '', groups: grouped(card.code), holder: this.t('holder', { id: card.holder }),
      gift: card.gift ? this.t('gift', card.gift) : '',
    });
    if (!card.redeemable) this.refuse(card.reason || {}, card.benefit);
  },

  // offline notes a card that looks right: the shape of a pass and the check digit of a code are all
  // that can be tested here. The pass goes along: the server checks its signature.
  async offline(found) {
    const code = found.code || cardCode(found.text);
    if (!code) return this.setData({ hint: this.t('not_card') });
    this.setData({ online: false });
    if (!(await ui.ask(this.t('offline_question'), this.t('offline_body')))) return undefined;
    return this.note(code, found.text, newKey());
  },

  note(code, text, key) {
    const app = getApp();
    const kept = app.queue.add({ staff: app.staff.read().staff.id, path: '/mini/v1/staff/redemptions', body: { code: text }, key, label: grouped(code) });
    if (!kept) return ui.tell(this.t('offline_too_many'));
    this.count();
    return this.finish({ tone: 'wait', word: this.t('queued'), body: this.t('queued_body'), big: grouped(code) });
  },

  onConfirm() {
    const { card } = this.data;
    return ui.busy(this, async () => {
      try {
        const { redemption } = await getApp().api.post('/mini/v1/staff/redemptions', { code: card.code, at: new Date().toISOString() }, { staff: true, key: this.key });
        this.redeemed(redemption);
      } catch (e) {
        if (e.network) ui.tell(this.t('unknown_sure')); // the card stays open with its key: a repeat is safe
        else if (e.status === 404 || e.status === 409 || e.status === 422) this.refuse(e.body || {}, card.benefit);
        else ui.gone(e);
      }
    });
  },

  redeemed(redemption) {
    this.redemption = redemption;
    if (redemption.state === 'pending') {
      this.finish({ tone: 'wait', word: this.t('pending'), big: redemption.benefit, body: this.t('pending_body') });
      this.clock = setTimeout(() => this.poll(), PENDING);
      return;
    }
    this.finish({ tone: 'good', word: this.t('done'), big: redemption.benefit, body: this.t('at_by', { at: time.clock(redemption.at), by: redemption.by }) });
    this.tick();
  },

  // poll asks again while WeChat's word about a card of its own is missing.
  async poll() {
    const { id, benefit } = this.redemption || {};
    if (!id) return;
    let redemption = this.redemption;
    try {
      redemption = (await getApp().api.get('/mini/v1/staff/redemptions/' + encodeURIComponent(id), {}, { staff: true })).redemption;
    } catch (e) {
      if (e.status === 401) {
        ui.gone(e);
        return;
      }
    }
    if (!this.redemption || this.redemption.id !== id) return; // the next card is on the screen
    if (redemption.state === 'failed') this.refuse({ message: this.t('pending_failed') }, benefit);
    else if (redemption.state === 'pending') this.clock = setTimeout(() => this.poll(), PENDING);
    else this.redeemed(redemption);
  },

  refuse(reason, benefit) {
    this.finish({ tone: 'bad', word: this.t('refused'), big: benefit, body: reason.message || this.t('failed') });
  },

  // finish fills the screen: colour, word and vibration say the same thing.
  finish(result) {
    this.setData({ card: null, result, undoText: '' });
    if (result.tone === 'good') wx.vibrateShort({ type: 'heavy' });
    else wx.vibrateLong({});
  },

  tick() {
    clearTimeout(this.clock);
    const { result } = this.data;
    if (!result || result.tone !== 'good' || !this.redemption) return;
    const left = time.left(this.redemption.undo_until, Date.now());
    this.setData({ undoText: left ? this.t('undo', { time: left }) : '' });
    if (left) this.clock = setTimeout(() => this.tick(), 1000);
  },

  async onUndo() {
    if (!(await ui.ask(this.t('undo_sure'), this.redemption.benefit))) return;
    this.undoKey = this.undoKey || newKey();
    await ui.busy(this, async () => {
      await getApp().api.post(`/mini/v1/staff/redemptions/${encodeURIComponent(this.redemption.id)}/undo`, { reason: '' }, { staff: true, key: this.undoKey });
      clearTimeout(this.clock);
      this.undoKey = '';
      this.finish({ tone: 'wait', word: this.t('undone'), big: this.redemption.benefit, body: '' });
    });
  },

  onNext() {
    clearTimeout(this.clock);
    this.redemption = null;
    this.undoKey = '';
    this.setData({ result: null, card: null, typed: '', hint: '' });
  },

  onConflicts() {
    const app = getApp();
    const s = app.staff.read();
    if (s) app.queue.conflicts(s.staff.id).forEach((c) => app.queue.dismiss(c.key));
    this.count();
  },

  onToday() {
    wx.navigateTo({ url: '/staff/today/today' });
  },

  onStock() {
    wx.navigateTo({ url: '/stock/home/home' });
  },

  async onSignOut() {
    const app = getApp();
    await app.api.del('/mini/v1/staff/session', {}, { staff: true }).catch(() => {}); // it ends by itself as well
    app.staff.clear();
    wx.switchTab({ url: '/pages/profile/profile' });
  },

  none() {},
});
