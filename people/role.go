package people

import "slices"

// Role is a named set of permissions; a person has exactly one.
type Role string

// The roles.
const (
	Owner    Role = "owner"    // 负责人: everything
	Operator Role = "operator" // 运营: runs campaigns and helps visitors
	Viewer   Role = "viewer"   // 只读: looks, personal data stays masked
	Finance  Role = "finance"  // 财务: reads and exports what was handed out, and pays back
)

// Roles lists every role, the most powerful first.
func Roles() []Role { return []Role{Owner, Operator, Viewer, Finance} }

// Key is the translation key of the role's name.
func (r Role) Key() string { return "people.role." + string(r) }

// Permission is one thing a person may be allowed to do; every admin route names one.
type Permission string

// The permissions.
const (
	CampaignsRead  Permission = "campaigns:read"
	CampaignsWrite Permission = "campaigns:write"
	ClaimsRead     Permission = "claims:read"
	ClaimsWrite    Permission = "claims:write" // make cards void, block people
	ClaimsExport   Permission = "claims:export"
	ClaimsReveal   Permission = "claims:reveal" // see personal data unmasked
	AccountRead    Permission = "account:read"
	AccountWrite   Permission = "account:write"
	PeopleManage   Permission = "people:manage"
	APITokens      Permission = "api:tokens" // let other programs in
	OrdersRead     Permission = "orders:read"
	OrdersRefund   Permission = "orders:refund"  // ask for money to go back
	OrdersApprove  Permission = "orders:approve" // let it go
)

// Permissions lists every permission in the order of the screens.
func Permissions() []Permission {
	return []Permission{
		CampaignsRead, CampaignsWrite, ClaimsRead, ClaimsWrite, ClaimsExport, ClaimsReveal,
		AccountRead, AccountWrite, PeopleManage, APITokens, OrdersRead, OrdersRefund, OrdersApprove,
	}
}

// Key is the translation key of the permission in words.
func (p Permission) Key() string {
	b := []byte("people.permission." + p)
	if i := slices.Index(b, ':'); i >= 0 {
		b[i] = '_'
	}
	return string(b)
}

// Can reports whether the role includes p. Unknown roles and permissions can do nothing.
func (r Role) Can(p Permission) bool {
	switch r {
	case Owner:
		return slices.Contains(Permissions(), p)
	case Operator:
		return slices.Contains([]Permission{CampaignsRead, CampaignsWrite, ClaimsRead, ClaimsWrite, ClaimsExport, ClaimsReveal, AccountRead, OrdersRead, OrdersRefund}, p)
	case Viewer:
		return slices.Contains([]Permission{CampaignsRead, ClaimsRead, AccountRead}, p)
	case Finance:
		return slices.Contains([]Permission{CampaignsRead, ClaimsRead, ClaimsExport, OrdersRead, OrdersRefund, OrdersApprove}, p)
	}
	return false
}
