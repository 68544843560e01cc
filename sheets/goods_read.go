package sheets

import (
	"slices"
	"strings"

	"kaquan/stores"
)

// The columns of uploads in their usual order, for tables without a header.
var (
	goodsOrder = []string{"barcode", "name", "unit", "price", "minimum"}
	staffOrder = []string{"place", "name", "role"}
	stockOrder = []string{"place", "barcode", "quantity", "reason"}
)

// storeHeaders are words that people put above the columns, in lower case.
var storeHeaders = map[string]string{
	"条码": "barcode", "条形码": "barcode", "商品条码": "barcode", "商品编码": "barcode", "barcode": "barcode", "ean": "barcode", "gtin": "barcode", "sku": "barcode",
	"商品": "name", "商品名称": "name", "品名": "name", "名称": "name", "姓名": "name", "员工": "name", "name": "name", "goods": "name", "item": "name", "staff": "name",
	"单位": "unit", "unit": "unit", "单价": "price", "价格": "price", "售价": "price", "单价（元）": "price", "单价(元)": "price", "price": "price", "unit price": "price",
	"最低库存": "minimum", "安全库存": "minimum", "minimum": "minimum", "minimum stock": "minimum",
	"门店编号": "place", "门店代码": "place", "门店": "place", "仓库": "place", "门店/仓库": "place", "place": "place", "store": "place", "place code": "place", "store code": "place",
	"角色": "role", "岗位": "role", "role": "role",
	"数量": "quantity", "quantity": "quantity", "原因": "reason", "备注": "reason", "说明": "reason", "reason": "reason", "note": "reason",
}

// readRows gives every row with something in it to take, with its cells by column. The first
// row is a header when it names the columns that must be there; columns that it does not know
// are left out, and of two for the same the first counts. Rows count from 1.
func readRows(rows [][]string, order, needed []string, take func(row int, cells map[string]string)) {
	first := true
	for i, cells := range rows {
		if len(cells) == 0 {
			continue
		}
		if first {
			first = false
			if header := storeHeader(cells, order); !slices.ContainsFunc(needed, func(name string) bool { return !slices.Contains(header, name) }) {
				order = header
				continue
			}
		}
		row := map[string]string{}
		for j, cell := range cells[:min(len(cells), len(order))] {
			if _, twice := row[order[j]]; !twice {
				row[order[j]] = cell
			}
		}
		take(i+1, row)
	}
}

func storeHeader(cells, known []string) []string {
	header := make([]string, len(cells))
	for i, cell := range cells {
		if name := storeHeaders[strings.ToLower(cell)]; slices.Contains(known, name) {
			header[i] = name
		}
	}
	return header
}

// GoodsDrafts reads a table of barcode, name, unit, price in yuan and minimum.
func GoodsDrafts(rows [][]string) (drafts []stores.GoodsDraft) {
	readRows(rows, goodsOrder, []string{"barcode", "name"}, func(row int, c map[string]string) {
		drafts = append(drafts, stores.GoodsDraft{Row: row, Barcode: c["barcode"], Name: c["name"], Unit: c["unit"], Price: c["price"], Minimum: c["minimum"]})
	})
	return drafts
}

// StaffDrafts reads a table of the place's code or name, the name and the role.
func StaffDrafts(rows [][]string) (drafts []stores.StaffDraft) {
	readRows(rows, staffOrder, []string{"place", "name"}, func(row int, c map[string]string) {
		role := stores.Role(strings.ToLower(c["role"]))
		switch c["role"] {
		case "", "店员", "核销员", "Staff", "staff":
			role = stores.Clerk
		case "店长", "经理":
			role = stores.Manager
		case "库管", "仓管", "Stock keeper":
			role = stores.Stockkeeper
		}
		drafts = append(drafts, stores.StaffDraft{Row: row, PlaceCode: c["place"], Name: c["name"], Role: role})
	})
	return drafts
}

// StockDrafts reads a table of the place's code or name, the barcode, the quantity and the reason.
func StockDrafts(rows [][]string) (drafts []stores.StockDraft) {
	readRows(rows, stockOrder, []string{"place", "barcode", "quantity"}, func(row int, c map[string]string) {
		drafts = append(drafts, stores.StockDraft{Row: row, PlaceCode: c["place"], Barcode: c["barcode"], Quantity: c["quantity"], Reason: c["reason"]})
	})
	return drafts
}
