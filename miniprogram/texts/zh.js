module.exports = {
  ok: '好', cancel: '取消', close: '关闭', save: '保存', refresh: '刷新看看', retry: '再试一次', loading: '正在加载…', more_rows: '更多', none_yet: '还没有记录',
  network: '网络不太好，请再试一次。', failed: '出了点问题，请稍后再试。', support: '编号 {code}', offline_too_many: '离线记录太多，请先联网提交。',

  tab_cards: '我的券', tab_me: '我的',

  form_required: '请填写{label}', form_mobile: '手机号应为 11 位数字', form_plate: '车牌号格式不对，例：京A12345', form_choice: '请从列表中选择',
  form_long: '最多 {max} 个字，现在 {count} 个字', form_consent: '请先阅读并同意', choose: '请选择', example_mobile: '11 位手机号', example_plate: '例：京A12345', example_text: '请填写',

  campaign: '领券', no_campaign: '没有找到这个活动', no_campaign_body: '链接可能不完整，请重新扫码。', rules: '活动规则', contact: '联系方式：{contact}', organiser: '由 {brand} 提供', stock_left: '还剩 {left} 份',
  stock_few: '剩余不到 {left} 份', price: '¥{yuan}', consent: '我已阅读并同意《{brand}个人信息处理规则》', consent_body: '信息只用于{purpose}，活动结束 {days} 天后删除。', privacy: '查看隐私保护指引',
  act_form: '下一步', act_form_pay: '去支付 ¥{yuan}', act_claim: '立即领取', act_claim_pay: '支付 ¥{yuan} 领取', act_wallet: '放进微信卡包', act_pay: '继续支付 ¥{yuan}', act_show: '查看我的券', act_refresh: '刷新看看',
  act_more: '再领一份', act_paid: '我已支付，刷新', refund: '申请退款', refund_sure: '¥{yuan} 将退回原支付方式，这张券随即失效。', refund_going: '正在退款，1–3 个工作日内到账。', refund_done: '已退款。', hold_left: '还为你保留 {time}', starts_in: '还有 {time} 开始', pay_cancelled: '还没有支付，名额为你保留着。', pay_failed: '没有付成，请再试一次。', pay_pending: '还没有收到付款，请稍等再刷新。', wallet_cancelled: '还没有放进卡包，随时可以继续。',
  wallet_failed: '微信没有收下这张券：{reason}',

  cards_none: '还没有券', cards_none_body: '扫活动的小程序码就能领。', cards_scan: '扫一扫', in_wallet: '在微信「我 → 卡包」里使用', bright: '屏幕已调亮，给店员扫一扫', copy_code: '复制券码', qr_long: '请出示下面的数字',
  st_held: '为你保留中', st_opened: '等待放进卡包', st_reported: '正在确认', st_confirmed: '可使用', st_redeemed: '已使用', st_gifted: '已赠送', st_deleted: '已删除', st_expired: '已过期', st_voided: '已失效', st_released: '已放弃',
  scan_not_ours: '这不是活动的码',

  me: '我的', nickname: '昵称', nickname_hint: '点这里填写', avatar_change: '换头像', phone: '手机号', phone_get: '授权手机号', phone_none: '未填写', phone_refused: '没有取得手机号，可以在领券时手动填写。', phone_quota: '暂时不能授权手机号，可以在领券时手动填写。', saved: '已保存',
  joined: '已和公众号里的记录合并', account: '来自 {name}', ref: '我的编号 {id}', export: '导出我的信息', export_done: '已复制到剪贴板，可以粘贴保存。', erase: '删除我的信息', erase_body: '将删除昵称、头像、手机号和填写的内容，不能恢复。请输入“删除”。', erase_word: '删除', erase_wrong: '没有输入“删除”，什么都没有删。', erased: '已删除',
  language: 'English', staff_door: '店员入口', sign_out: '退出登录',

  door: '店员登录', door_place: '门店编号', door_place_hint: '店里贴着，例：GM', door_find: '下一步', door_who: '你是谁', door_pin: 'PIN', door_in: '登录', door_wechat: '用微信身份登录', door_scan: '扫门店码', door_other: '换一家店',
  scan: '核销', scan_big: '扫券码', scan_type: '或输入 12 位券码', scan_look: '查看', scan_bad: '没有读到能用的内容', confirm: '确认核销', confirming: '正在核销…', holder: '持券人 {id}', gift: '赠品：{name}（库存 {stock}{unit}）', today: '今天', stock: '库存', not_card: '这不是券码',
  done: '核销成功', refused: '不能核销', pending: '等待微信确认', pending_body: '请先不要给商品，结果会自动显示，一般几秒钟。', pending_failed: '微信没有核销这张券。请重新扫码再试。', queued: '已记下，联网后提交', queued_body: '离线时只能核对券码格式。真正的结果以联网后为准。', undo: '撤销（{time}）', undo_sure: '撤销这次核销？', undone: '已撤销', next: '下一张', offline: '离线：可记下券码，联网后自动提交', waiting: '{n} 条等待提交', conflicts: '{n} 条离线核销没有成功，请告诉店长', conflict_seen: '知道了', flushed: '{n} 条离线记录已提交', offline_question: '没有网络', offline_body: '记下这张券，联网后自动核销？如果券已用过或过期，会在这里提示。', unknown_sure: '还不知道有没有核销成功，请再点一次确认。不会重复核销。',
  goods_hint: '这是商品，去库存页处理？', totals: '核销 {redeemed} · 撤销 {undone}', mine_only: '只看我的', everybody: '全店', copy_summary: '复制小结', undone_tag: '已撤销', previous: '前一天', following: '后一天',

  places: '门店与仓库', search: '搜商品名或条码', low_only: '只看不足', low: '不足', stock_here: '本处 {n}{unit}', stock_total: '共 {n}{unit}', new_goods: '新商品', new_goods_ask: '没有这个条码的商品，要新建吗？', count: '盘点', log: '流水', scan_goods: '扫商品', goods_none: '没有商品',
  goods: '商品', barcode: '条码', name: '名称', unit: '单位', unit_hint: '件', price_yuan: '单价（元）', minimum: '最低库存', price_bad: '单价应为金额，例：12.50', whole_bad: '请填写整数', name_missing: '请填写名称', barcode_missing: '请填写条码', edit: '修改', levels: '各处库存',
  k_in: '入库', k_out: '出库', k_move: '调拨', to_place: '调到', quantity: '数量', quantity_bad: '数量应为 1 到 1000000 的整数', reason: '说明（可不填）', book: '确认{kind}', booked: '已{kind}，现在 {stock}{unit}', have: '这里只有 {n}', to_missing: '请选择调到哪里',
  k_transfer_out: '调出', k_transfer_in: '调入', k_count: '盘点', k_redeem: '核销', k_undo: '撤销', all_kinds: '全部', undo_move: '撤销', undo_move_ask: '撤销「{what}」？会写一条相反的流水。', at_by: '{at} · {by}', arrow: '{before} → {after}',
  count_scan: '扫下一件', count_seen: '实际数量', count_expected: '账面 {n}', count_diff: '差 {n}', count_done: '完成盘点', count_ask: '有 {n} 项与账面不同，完成后按实际数量调整。', count_same: '都与账面相同，完成盘点？', count_cancel: '放弃盘点', count_cancel_ask: '放弃这次盘点？已点的数量不会保留。', count_closed: '盘点完成', count_empty: '扫商品条码，填实际数量', count_drop: '去掉', count_at: '盘点：{place}',
};
