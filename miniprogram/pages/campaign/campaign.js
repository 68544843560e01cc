const { newKey } = require('../../lib/api');
const { checkForm, serverErrors } = require('../../lib/form');
const { campaignOf } = require('../../lib/scan');
const { viewOf, ofOutcome } = require('../../lib/states');
const { yuan } = require('../../lib/money');
const time = require('../../lib/time');
const ui = require('../../lib/page');

const POLLS = [1500, 2000, 3000, 5000, 8000, 13000]; // waits before asking again whether a card arrived

Page({
  data: {
    t: {}, loading: true, problem: null, page: null, view: null, fields: [], consent: false, consentError: '',
    primary: '', second: '', countdown: '', note: '', stock: '', price: '', refundable: false, contact: '', organiser: '', consentText: '', consentBody: '', colour: '#087749', busy: false, rules: false,
  },

  onLoad(query) {
    this.t = ui.words(this);
    wx.setNavigationBarTitle({ title: this.t('campaign') });
    Object.assign(this, campaignOf(query));
    this.values = {};
    this.key = newKey();
    return this.load();
  },

  onShow() {
    this.shown = true;
    if (this.data.page) {
      this.tick();
      this.poll();
    }
  },

  onHide() {
    this.rest();
  },

  onUnload() {
    this.rest();
  },

  // rest stops all clocks: a page that nobody sees asks for nothing.
  rest() {
    this.shown = false;
    clearTimeout(this.clock);
    clearTimeout(this.polling);
  },

  async onPullDownRefresh() {
    await this.load();
    wx.stopPullDownRefresh();
  },

  async load(more) {
    const { api } = getApp();
    if (!this.slug && !this.short) return this.setData({ loading: false, problem: { title: this.t('no_campaign'), body: this.t('no_campaign_body') } });
    try {
      if (!this.slug) Object.assign(this, await api.get('/mini/v1/scenes/' + encodeURIComponent(this.short)));
      this.show(await api.get('/mini/v1/campaigns/' + encodeURIComponent(this.slug), { ch: this.ch, more: more ? 1 : '' }));
    } catch (e) {
      const missing = e.status === 404;
      this.setData({
        loading: false,
        problem: this.data.page ? null : { title: missing ? this.t('no_campaign') : ui.explain(e), body: missing ? this.t('no_campaign_body') : '', again: !missing },
      });
      if (this.data.page) ui.tell(ui.explain(e));
    }
    return undefined;
  },

  // show draws an answer of the server.
  show(page) {
    const view = viewOf(page);
    const { t } = this;
    const price = page.price > 0 ? yuan(page.price) : '';
    const label = { form: price ? 'act_form_pay' : 'act_form', claim: price ? 'act_claim_pay' : 'act_claim' }[view.action] || 'act_' + view.action;
    this.skew = page.now ? Date.parse(page.now) - Date.now() : 0; // the server's clock decides
    if (page.key) this.key = page.key;
    const fields = (page.form || []).map((f) => {
      if (this.values[f.key] === undefined) this.values[f.key] = f.value || '';
      return {
        ...f, value: this.values[f.key], error: '', type: f.kind === 'mobile' ? 'number' : 'text', index: (f.options || []).indexOf(this.values[f.key]),
        placeholder: t({ mobile: 'example_mobile', plate: 'example_plate', choice: 'choose' }[f.kind] || 'example_text'), max: f.kind === 'text' ? 60 : 20,
      };
    });
    const card = page.card || {};
    const consent = page.consent || {};
    this.setData({
      loading: false, problem: null, page, view, fields, price: price && t('price', { yuan: price }), refundable: Boolean(page.mine && page.mine[0] && page.mine[0].order && page.mine[0].order.refundable),
      primary: view.action ? t(label, { yuan: price }) : '', second: view.second ? t('act_' + view.second) : '',
      stock: page.stock ? t(page.stock.few ? 'stock_few' : 'stock_left', page.stock) : '',
      contact: card.contact ? t('contact', card) : '', organiser: card.brand ? t('organiser', card) : '', colour: /^#[0-9a-f]{6}$/i.test(card.colour) ? card.colour : '#087749',
      consentText: t('consent', card), consentBody: t('consent_body', { purpose: consent.purpose, days: consent.retention_days }),
    });
    if (this.shown !== false) {
      this.tick();
      this.poll();
    }
  },

  // tick writes the time that is left, each second while there is some.
  tick() {
    clearTimeout(this.clock);
    const { view } = this.data;
    if (!view || !view.until) return this.setData({ countdown: '' });
    const left = time.left(view.until, Date.now() + (this.skew || 0));
    this.setData({ countdown: left && this.t(view.state === 'before_start' ? 'starts_in' : 'hold_left', { time: left }) });
    if (left) this.clock = setTimeout(() => this.tick(), 1000);
    else if (this.overFor !== view.until) { // the state has changed by now: ask once
      this.overFor = view.until;
      this.load();
    }
    return undefined;
  },

  // poll asks again while WeChat has not told the server about the card.
  poll() {
    clearTimeout(this.polling);
    const { view } = this.data;
    if (!view || !view.poll) {
      this.polls = 0;
      return;
    }
    const wait = POLLS[this.polls || 0];
    if (!wait) return;
    this.polls = (this.polls || 0) + 1;
    this.polling = setTimeout(() => this.load(), wait);
  },

  onInput(e) {
    const { key } = e.currentTarget.dataset;
    this.values[key] = e.detail.value;
    this.mark(key, '');
  },

  onChoice(e) {
    const { key } = e.currentTarget.dataset;
    const i = this.data.fields.findIndex((f) => f.key === key);
    const index = Number(e.detail.value);
    this.values[key] = this.data.fields[i].options[index];
    this.setData({ [`fields[${i}].index`]: index, [`fields[${i}].value`]: this.values[key], [`fields[${i}].error`]: '' });
  },

  onConsent(e) {
    this.setData({ consent: e.detail.value.length > 0, consentError: '' });
  },

  onRules() {
    this.setData({ rules: !this.data.rules });
  },

  onPrivacy() {
    wx.openPrivacyContract({ fail: () => {} });
  },

  mark(key, error) {
    if (key === 'consent') return this.setData({ consentError: error });
    const i = this.data.fields.findIndex((f) => f.key === key);
    if (i >= 0 && this.data.fields[i].error !== error) this.setData({ [`fields[${i}].error`]: error });
    return undefined;
  },

  onPrimary() {
    const { action } = this.data.view;
    return { form: () => this.claim(), claim: () => this.claim(), wallet: () => this.run(() => this.wallet(this.newest())), pay: () => this.run(() => this.pay(this.newest())),
      paid: () => this.run(() => this.paid(this.newest())), more: () => this.run(() => this.load(true)),
      show: () => wx.switchTab({ url: '/pages/cards/cards' }), refresh: () => this.run(() => this.load()) }[action]();
  },

  onSecond() {
    return this.data.view.second === 'more' ? this.run(() => this.load(true)) : this.run(() => this.paid(this.newest()));
  },

  newest() {
    return this.data.page.mine[0];
  },

  run(job) {
    return ui.busy(this, job);
  },

  // claim sends the form. The key stays until an answer came, so that a second tap after a
  // lost one gets the same claim.
  async claim() {
    const { page, consent } = this.data;
    const asks = this.data.view.action === 'form';
    const { answers, errors, ok } = checkForm(asks ? page.form : [], this.values, consent);
    if (!ok) {
      Object.keys(errors).forEach((k) => this.mark(k, this.t(errors[k].key, errors[k].args)));
      return;
    }
    await this.run(async () => {
      let out;
      try {
        out = await getApp().api.post(`/mini/v1/campaigns/${encodeURIComponent(this.slug)}/claims`, { key: this.key, answers, consent: asks && consent, ch: this.ch }, { key: this.key });
      } catch (e) {
        if (!e.network) this.key = newKey();
        const told = serverErrors(e);
        const known = Object.keys(told).filter((k) => k === 'consent' || this.data.fields.some((f) => f.key === k));
        known.forEach((k) => this.mark(k, told[k]));
        if (e.status === 409) await this.load();
        if (known.length) return;
        throw e;
      }
      this.show(out.page);
      const { action } = this.data.view;
      if (action === 'pay') await this.pay(out.claim);
      if (action === 'wallet') await this.wallet(out.claim);
    });
  },

  // wallet opens WeChat's sheet with a fresh signature: one signature is good for one tap.
  async wallet(claim) {
    const { api } = getApp();
    const path = '/mini/v1/claims/' + encodeURIComponent(claim.id);
    const signed = await api.post(path + '/card');
    const errMsg = await new Promise((done) => wx.addCard({ cardList: signed.card_list, success: (r) => done(r.errMsg), fail: (r) => done(r.errMsg) }));
    const end = ofOutcome(errMsg);
    const outcome = { ok: 'added', cancel: 'cancelled', fail: 'refused' }[end];
    const detail = end === 'fail' ? String(errMsg).replace(/^addCard:fail\s*/, '').slice(0, 100) : '';
    try {
      await api.post(path + '/report', { outcome, detail }, { key: newKey() });
    } catch (e) {
      if (!e.network) throw e; // a report is a hint: WeChat itself tells the server
    }
    if (end === 'cancel') ui.tell(this.t('wallet_cancelled'));
    if (end === 'fail') ui.tell(this.t('wallet_failed', { reason: detail }));
    this.polls = 0;
    await this.load();
  },

  // pay opens the payment. What it says is a hint; the server asks the payment platform.
  async pay(claim) {
    const { api } = getApp();
    const out = await api.post(`/mini/v1/claims/${encodeURIComponent(claim.id)}/pay`);
    if (out.payment) {
      const errMsg = await new Promise((done) => wx.requestPayment({ ...out.payment, success: (r) => done(r.errMsg), fail: (r) => done(r.errMsg) }));
      const end = ofOutcome(errMsg);
      if (end !== 'ok') {
        await this.paid(claim, end === 'cancel' ? 'pay_cancelled' : 'pay_failed');
        return;
      }
    }
    await this.paid(claim);
  },

  // paid asks whether the money arrived and says words when it did not; after it, a card that
  // lives in WeChat still needs a tap.
  async paid(claim, words = 'pay_pending') {
    const out = await getApp().api.post(`/mini/v1/claims/${encodeURIComponent(claim.id)}/pay/refresh`, {}, { key: newKey() });
    this.show(out.page);
    if (out.order.state === 'awaiting') ui.tell(this.t(words));
  },

  // onRefund gives the money back for a card that was not used, after asking.
  async onRefund() {
    const claim = this.newest();
    if (!(await ui.ask(this.t('refund'), this.t('refund_sure', { yuan: yuan(claim.order.amount - claim.order.back) }), this.t('refund')))) return;
    await this.run(async () => {
      const out = await getApp().api.post(`/mini/v1/claims/${encodeURIComponent(claim.id)}/refund`, {}, { key: newKey() });
      ui.tell(this.t(out.order.state === 'refunded' ? 'refund_done' : 'refund_going'));
      await this.load();
    });
  },

  onRetry() {
    this.setData({ loading: true, problem: null });
    return this.load();
  },

  onShareAppMessage() {
    const share = (this.data.page || {}).share || {};
    const path = `/pages/campaign/campaign?slug=${encodeURIComponent(this.slug)}${this.ch ? '&ch=' + encodeURIComponent(this.ch) : ''}`;
    return { title: share.title, path, ...(share.image ? { imageUrl: share.image } : {}) };
  },
});
