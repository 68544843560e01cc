package sandbox

// Names of the switches of WeChat Pay.
const (
	payCancel          = "pay_cancel"
	payQueryBehind     = "pay_query_behind"
	payAnswerForged    = "pay_answer_forged"
	payCertRotated     = "pay_certificate_rotated"
	payNotifyOff       = "pay_notify_off"
	payNotifyLate      = "pay_notify_late"
	payNotifyTripled   = "pay_notify_tripled"
	payNotifyForged    = "pay_notify_bad_signature"
	payNotifyAmount    = "pay_notify_wrong_amount"
	payRefundRefused   = "pay_refund_refused"
	payRefundAbnormal  = "pay_refund_abnormal"
	payRefundSlow      = "pay_refund_slow"
	payBillRowDropped  = "pay_bill_row_dropped"
	payBillRowTampered = "pay_bill_row_altered"
)

const groupPay = "微信支付 WeChat Pay"

var paySwitches = []SwitchState{
	{Name: payCancel, Group: groupPay, ZH: "都取消支付", EN: "everybody cancels the payment"},
	{Name: payQueryBehind, Group: groupPay, ZH: "付款后一阵子还查到未支付", EN: "queries say NOTPAY for a while after the payment"},
	{Name: payAnswerForged, Group: groupPay, ZH: "回答的签名错误", EN: "answers carry a wrong signature"},
	{Name: payCertRotated, Group: groupPay, ZH: "平台证书已更换", EN: "WeChat signs with a new platform certificate"},
	{Name: payNotifyOff, Group: groupPay, ZH: "不发支付和退款通知", EN: "notifications are lost"},
	{Name: payNotifyLate, Group: groupPay, ZH: "通知晚到", EN: "notifications come late"},
	{Name: payNotifyTripled, Group: groupPay, ZH: "通知三遍，同时到", EN: "notifications come three times at once"},
	{Name: payNotifyForged, Group: groupPay, ZH: "通知签名错误", EN: "notifications carry a wrong signature"},
	{Name: payNotifyAmount, Group: groupPay, ZH: "通知金额不对", EN: "notifications tell a wrong amount"},
	{Name: payRefundRefused, Group: groupPay, ZH: "商户余额不足，拒绝退款", EN: "refunds are refused: the balance is too low"},
	{Name: payRefundAbnormal, Group: groupPay, ZH: "退款异常", EN: "refunds end as abnormal"},
	{Name: payRefundSlow, Group: groupPay, ZH: "退款慢：先处理中，后成功", EN: "refunds stay in process for a while"},
	{Name: payBillRowDropped, Group: groupPay, ZH: "账单少一行", EN: "bills lack a row"},
	{Name: payBillRowTampered, Group: groupPay, ZH: "账单有一行多 1 分", EN: "one row of a bill is a fen too high"},
}
