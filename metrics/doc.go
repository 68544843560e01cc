// Package metrics is what the program tells Prometheus about itself: the age of tokens,
// the stock of campaigns, the writer, the times of requests.
//
// It imports fault, campaigns and wechat, and knows neither the store nor the server:
// cli gives it a Source to ask at a scrape, and hands its Registry to the rooms that
// count, under interfaces of their own. Labels hold account ids, slugs and route
// patterns; never a person, a code, an openid or a secret. A new number from the store
// goes into collector.go with a method of Source; a new count of something that happens
// goes into registry.go.
package metrics
