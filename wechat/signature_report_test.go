package wechat

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSecretsInAddressesAreHiddenAndNothingElseChanges(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://a.cn/c/x?ch=poster&code=071AbC&state=s1":                "https://a.cn/c/x?ch=poster&code=*&state=*",
		"https://a.cn/c/x?from=singlemessage&isappinstalled=0":           "https://a.cn/c/x?from=singlemessage&isappinstalled=0",
		"https://a.cn/c/x?ch=%E6%B5%B7%E6%8A%A5+a%2Fb&&x":                "https://a.cn/c/x?ch=%E6%B5%B7%E6%8A%A5+a%2Fb&&x",
		"https://a.cn/c/x?c%6Fde=1&OpenID=o6_bmjrPTlm6_2sgVt7hMZOPfL2M":  "https://a.cn/c/x?c%6Fde=*&OpenID=*",
		"https://a.cn/c/x?z=o6_bmjrPTlm6_2sgVt7hMZOPfL2M":                "https://a.cn/c/x?z=*",
		"https://a.cn/c/x?z=13800138000":                                 "https://a.cn/c/x?z=*",
		"https://a.cn/c/x?to=https%3A%2F%2Fb.cn%3Fcode%3Dabc":            "https://a.cn/c/x?to=*",
		"https://a.cn/c/x?to=https%253A%252F%252Fb.cn%253Ftoken%253Dabc": "https://a.cn/c/x?to=*",
		"https://a.cn/c/x?access_token=t&b=%zz":                          "",
		"https://a.cn/c/x?b=%zz":                                         "https://a.cn/c/x?b=*",
		"https://a.cn/c/x#token=abc":                                     "https://a.cn/c/x#*",
		"https://a.cn/c/x#":                                              "https://a.cn/c/x#",
		"https://a.cn/c/o6_bmjrPTlm6_2sgVt7hMZOPfL2M/":                   "https://a.cn/c/*/",
		"https://me:pw@a.cn/":                                            "",
		"javascript:alert(1)":                                            "",
		"https://a.cn/\u202ex":                                           "",
		"https://a.cn/ x":                                                "",
		"//a.cn/x":                                                       "",
		"https://a.cn/" + strings.Repeat("x/", 1000):                     "",
	} {
		if in == "https://a.cn/c/x?access_token=t&b=%zz" {
			want = "https://a.cn/c/x?access_token=*&b=*"
		}
		if got := CleanAddress(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestOnlyReportsAboutSignaturesAreWorthKeeping(t *testing.T) {
	t.Parallel()
	good := SignatureReport{
		Account: "demo", Which: SignedPage, Href: "https://a.cn/c/x", SignedURL: "https://a.cn/c/x", Message: "config:invalid signature", LastAt: time.Unix(1_800_000_000, 0),
	}
	first, ok := CleanReport(good)
	if !ok || first.Digest == "" || first.Message != good.Message {
		t.Fatalf("%v %+v", ok, first)
	}
	same := good
	same.LastAt = good.LastAt.Add(time.Minute)
	later := good
	later.LastAt = good.LastAt.Add(time.Hour)
	if again, _ := CleanReport(same); again.Digest != first.Digest {
		t.Error("the same within an hour has another digest")
	}
	if again, _ := CleanReport(later); again.Digest == first.Digest {
		t.Error("an hour later has the same digest")
	}
	for name, change := range map[string]func(*SignatureReport){
		"another kind":   func(r *SignatureReport) { r.Which = "x" },
		"no address":     func(r *SignatureReport) { r.Href = "" },
		"a bad address":  func(r *SignatureReport) { r.SignedURL = "ftp://a.cn" },
		"another matter": func(r *SignatureReport) { r.Message = "config:invalid url domain" },
	} {
		bad := good
		change(&bad)
		if _, ok := CleanReport(bad); ok {
			t.Errorf("%s is kept", name)
		}
	}
	for message, want := range map[string]string{
		"config:invalid url domain": "invalid url domain", "config:fail, Error: Invalid URL domain <b>": "invalid url domain", "addCard:permission denied": "permission denied",
		"the permission value is offline verifying": "offline verifying", "config:invalid signature": "", "my permission": "",
	} {
		if got := SettingsBlamed(SignedCard, message); got != want {
			t.Errorf("%q blames %q", message, got)
		}
	}
	if got := SettingsBlamed(SignedPage, "config:permission denied"); got != "" { // of a snapshot page
		t.Errorf("a snapshot visitor blames %q", got)
	}
	loud := good
	loud.Message = "invalid signature\x00\u202e for o6_bmjrPTlm6_2sgVt7hMZOPfL2M at https://a.cn/?code=071AbCdEf 13800138000 " + strings.Repeat("很", 300)
	quiet, _ := CleanReport(loud)
	if len([]rune(quiet.Message)) > maxReportWords || strings.Contains(quiet.Message, "o6_") || strings.Contains(quiet.Message, "071") || strings.Contains(quiet.Message, "138") {
		t.Errorf("the message is %q", quiet.Message)
	}
}

func TestTheFirstDifferenceIsCountedInCharacters(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b string
		want int
	}{
		{"https://a.cn/x", "https://a.cn/x", -1},
		{"https://a.cn/x#top", "https://a.cn/x", -1},
		{"https://a.cn/x", "http://a.cn/x", 4},
		{"https://a.cn/海报a", "https://a.cn/海报b", 15},
		{"https://a.cn/x?from=1", "https://a.cn/x", 14},
		{"https://a.cn/x", "https://a.cn/x?from=1", 14},
	} {
		if got := Difference(row.a, row.b); got != row.want {
			t.Errorf("%s and %s part at %d, want %d", row.a, row.b, got, row.want)
		}
	}
}

func TestEveryUsualCauseIsFound(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		page, signed string
		want         []Cause
	}{
		{"http://a.cn/c/x", "https://a.cn/c/x", []Cause{CauseScheme}},
		{"https://b.cn/c/x", "https://a.cn/c/x", []Cause{CauseForeign, CauseHost}},
		{"https://a.cn:8443/c/x", "https://a.cn/c/x", []Cause{CausePort}},
		{"https://a.cn/c/x/", "https://a.cn/c/x", []Cause{CauseSlash}},
		{"https://a.cn/c/%78", "https://a.cn/c/x", []Cause{CauseEncoding}},
		{"https://a.cn/c/y", "https://a.cn/c/x", []Cause{CausePath}},
		{"https://a.cn/c/x?from=singlemessage", "https://a.cn/c/x", []Cause{CauseQuery}},
		{"https://a.cn/c/x?a=1&b=2", "https://a.cn/c/x?b=2&a=1", []Cause{CauseOrder}},
		{"https://a.cn/c/x?a=%2f", "https://a.cn/c/x?a=%2F", []Cause{CauseEncoding}},
		{"https://a.cn/c/x?code=*", "https://a.cn/c/x?code=*", []Cause{CauseHidden, CauseTicket}},
		{"https://a.cn/c/x#*", "https://a.cn/c/x", []Cause{CauseHash, CauseTicket}},
		{"https://a.cn/c/x", "https://a.cn/c/x", []Cause{CauseTicket}},
	} {
		r := SignatureReport{Which: SignedPage, Href: row.page, SignedURL: row.signed}
		if got := r.Causes("a.cn"); !slices.Equal(got, row.want) {
			t.Errorf("%s signed as %s: %q, want %q", row.page, row.signed, got, row.want)
		}
	}
	card := SignatureReport{Which: SignedCard, Href: "https://a.cn/", SignedURL: "https://b.cn/"}
	if got := card.Causes("a.cn"); !slices.Equal(got, []Cause{CauseCard}) {
		t.Errorf("a card: %q", got)
	}
}

func TestVerificationFilesHaveNarrowNamesAndPlainContent(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"MP_verify_0123456789abcdEF.txt": true, "KB0yxbqWDy.txt": true,
		"MP_verify_0123456789abcde.txt": false, "MP_verify_0123456789abcdEF.html": false, "../MP_verify_0123456789abcdEF.txt": false,
		"MP_verify_0123456789abcdEF.txt\n": false, "robots.txt": false, "security.txt": false, "": false, "MP_verify_0123456789abcd/F.txt": false,
	} {
		if IsVerifyName(name) != want {
			t.Errorf("name %q: %t", name, !want)
		}
	}
	for content, want := range map[string]bool{
		"0123456789abcdEF": true, "0123456789abcdEF\r\n": true, "": false, " \n": false, "<b>x</b>": false, "caf\xe9": false, "验证": false, "a\x00": false,
		strings.Repeat("a", MaxVerifyFile): true, strings.Repeat("a", MaxVerifyFile+1): false,
	} {
		if IsVerifyContent([]byte(content)) != want {
			t.Errorf("content %.20q: %t", content, !want)
		}
	}
}
