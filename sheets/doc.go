// Package sheets writes tables as xlsx files: any number of rows, bounded memory. It reads
// the tables that people upload, xlsx or CSV in any encoding they have (read.go).
//
// Writer takes rows of typed cells and knows nothing of what they mean; mappings from
// domain rows to cells stand beside it, one file per noun. It may import campaigns, i18n
// and fault. A new kind of cell goes in cell.go.
package sheets
