// The questions of a claim: the same checks as on the server, as soon as somebody leaves a
// field, and questions that only some answers lead to. The rules come with the page.
(function () {
  'use strict';

  function clean(s) {
    return String(s == null ? '' : s)
      .replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]/g, '')
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])/g, '').replace(/(^|[^\ud800-\udbff])[\udc00-\udfff]/g, '$1').trim();
  }

  function narrow(s) {
    return s.replace(/[\uff01-\uff5e]/g, function (c) { return String.fromCharCode(c.charCodeAt(0) - 0xfee0); }).replace(/\u3000/g, ' ');
  }

  function tidy(rule, raw) {
    if (rule.kind === 'long_text' || rule.kind === 'multi') {
      return String(raw == null ? '' : raw).replace(/\r\n/g, '\n').split('\n').map(clean).filter(function (line) {
        return line !== '' || rule.kind === 'long_text';
      }).join('\n').trim();
    }
    var value = clean(raw);
    if (rule.kind === 'consent' && /^(0|false|off|no)$/.test(value)) return '';
    return value;
  }

  function isDay(s) {
    var y = +s.slice(0, 4), m = +s.slice(5, 7), d = +s.slice(8, 10);
    var leap = y % 4 === 0 && (y % 100 !== 0 || y % 400 === 0);
    return m >= 1 && m <= 12 && d >= 1 && d <= [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m - 1];
  }

  function isID(s) {
    var rest = 0;
    for (var i = 0; i < 17; i++) rest = (rest + +s[i]) * 2 % 11;
    return isDay(s.slice(6, 10) + '-' + s.slice(10, 12) + '-' + s.slice(12, 14)) && s[17] === '10X98765432'[rest];
  }

  function outside(value, rule, before) {
    if (rule.min && before(value, rule.min)) return 'min';
    return rule.max && before(rule.max, value) ? 'max' : '';
  }

  // check is {value, verdict}: the answer as it will be stored, or why it will not.
  function check(rule, raw) {
    var value = tidy(rule, raw);
    var count = Array.from(value).length;
    function bad(verdict) { return { value: '', verdict: verdict, count: count }; }
    function good(v) { return { value: v, verdict: '', count: count }; }
    if (value === '') return rule.required ? bad('required') : good('');
    if (rule.pattern) {
      value = Array.from(narrow(value)).filter(function (c) { return (rule.strip || '').indexOf(c) < 0; }).join('');
      if (rule.upper) value = value.toUpperCase();
      var m = new RegExp(rule.pattern).exec(value);
      if (!m) return bad('invalid');
      value = m[1];
    }
    var verdict = '';
    switch (rule.kind) {
      case 'id_number': return isID(value) ? good(value) : bad('digit');
      case 'choice': return rule.options.indexOf(value) < 0 ? bad('invalid') : good(value);
      case 'region': return rule.options && rule.options.indexOf(value) < 0 ? bad('invalid') : good(value);
      case 'multi':
        var lines = value.split('\n');
        if (lines.some(function (line) { return rule.options.indexOf(line) < 0; })) return bad('invalid');
        var picks = rule.options.filter(function (option) { return lines.indexOf(option) >= 0; });
        verdict = outside(picks.length, rule, function (a, b) { return +a < +b; });
        return verdict ? bad(verdict) : good(picks.join('\n'));
      case 'date':
        if (!isDay(value)) return bad('invalid');
        verdict = outside(value, rule, function (a, b) { return a < b; });
        return verdict ? bad(verdict) : good(value);
      case 'number':
        verdict = outside(+value, rule, function (a, b) { return +a < +b; });
        return verdict ? bad(verdict) : good(String(+value || 0));
      case 'consent': return good(rule.value);
    }
    return rule.length && count > rule.length ? bad('long') : good(value);
  }

  // shown says which questions these answers lead to.
  function shown(rules, input) {
    var seen = {}, known = {};
    rules.forEach(function (rule) {
      var on = rule.show_if;
      known[rule.key] = rule;
      if (!on) { seen[rule.key] = true; return; }
      seen[rule.key] = false;
      var parent = known[on.key];
      if (!parent || parent === rule || !seen[on.key]) return;
      var answer = check(parent, input[on.key]);
      var picked = answer.value;
      if (answer.verdict) {
        if (parent.kind !== 'multi') return;
        picked = String(input[on.key] == null ? '' : input[on.key]);
      }
      seen[rule.key] = picked.split('\n').some(function (line) { return on.values.indexOf(clean(line)) >= 0; });
    });
    return seen;
  }

  if (typeof document === 'undefined') {
    module.exports = { check: check, shown: shown };
    return;
  }

  function rulesOf(form) {
    var source = form.querySelector('[data-form-rules]');
    if (!source) return [];
    if (!form.kqRules) form.kqRules = JSON.parse(source.getAttribute('data-form-rules'));
    return form.kqRules;
  }

  function box(form, key) { return form.querySelector('[data-field="' + key + '"]'); }

  function controls(place) { return Array.prototype.slice.call(place.querySelectorAll('input:not([type=hidden]), select[name], textarea')); }

  function inputs(place) { return Array.prototype.slice.call(place.querySelectorAll('input:not([type=hidden]), select, textarea')); }

  function read(form, rules) {
    var input = {};
    rules.forEach(function (rule) {
      var place = box(form, rule.key);
      if (!place) return;
      input[rule.key] = controls(place).filter(function (e) { return e.type !== 'checkbox' || e.checked; }).map(function (e) { return e.value; }).join('\n');
    });
    return input;
  }

  // say puts a message below a question, or takes it away.
  function say(place, text) {
    var line = place.querySelector('.kq-error');
    var help = place.querySelector('.kq-help');
    var group = place.querySelector('[role=group]');
    if (text && !line) {
      line = document.createElement('p');
      line.className = 'kq-error';
      line.id = 'f-f_' + place.getAttribute('data-field') + '-error';
      (place.querySelector('.weui-cell__bd') || place).appendChild(line);
    }
    if (line) {
      if (text) line.textContent = text;
      else line.parentNode.removeChild(line);
    }
    if (help) help.hidden = Boolean(text);
    place.classList.toggle('weui-cell_warn', Boolean(text));
    (group ? [group] : inputs(place)).forEach(function (e) {
      e.setAttribute('aria-invalid', String(Boolean(text)));
      if (text) e.setAttribute('aria-describedby', line.id);
      else if (help) e.setAttribute('aria-describedby', help.id);
      else e.removeAttribute('aria-describedby');
    });
  }

  function judge(form, rule, input) {
    var answer = check(rule, input[rule.key]);
    var words = answer.verdict ? rule.messages[answer.verdict] || '' : '';
    say(box(form, rule.key), words.replace('{count}', answer.count));
    return !answer.verdict;
  }

  // arrange shows the questions that the answers lead to. A hidden one is not sent.
  function arrange(form) {
    var rules = rulesOf(form);
    var seen = shown(rules, read(form, rules));
    rules.forEach(function (rule) {
      var place = box(form, rule.key);
      if (!place || place.hidden === !seen[rule.key]) return;
      place.hidden = !seen[rule.key];
      Array.prototype.forEach.call(place.querySelectorAll('input, select, textarea'), function (e) { e.disabled = place.hidden; });
      if (place.hidden) say(place, '');
    });
  }

  // A long list of places becomes two: the province, then the city.
  function split(select) {
    if (select.kqSplit) return;
    select.kqSplit = true;
    var first = document.createElement('select');
    first.className = select.className;
    first.setAttribute('aria-label', select.getAttribute('data-province'));
    var empty = select.options[0];
    var all = Array.prototype.slice.call(select.children, 1);
    var groups = all.map(function (e) { return { name: e.label || e.textContent, nodes: e.tagName === 'OPTGROUP' ? Array.prototype.slice.call(e.children) : [e] }; });
    var chosen = select.value;
    first.appendChild(empty.cloneNode(true));
    groups.forEach(function (group, i) {
      var option = document.createElement('option');
      option.value = String(i);
      option.textContent = group.name;
      if (group.nodes.some(function (o) { return o.value === chosen; })) option.selected = true;
      first.appendChild(option);
    });
    function fill(value) {
      var group = groups[first.value];
      while (select.lastChild) select.removeChild(select.lastChild);
      select.appendChild(empty);
      if (group) group.nodes.forEach(function (o) { select.appendChild(o); });
      select.value = group && group.nodes.length === 1 ? group.nodes[0].value : value || '';
      select.hidden = !group || group.nodes.length === 1;
    }
    first.disabled = select.disabled;
    select.parentNode.insertBefore(first, select);
    // The label names the first of the two; the second says for itself what it is.
    var label = document.querySelector('label[for="' + select.id + '"]');
    first.id = select.id;
    select.id += '-city';
    select.setAttribute('aria-label', select.getAttribute('data-city'));
    if (label) first.removeAttribute('aria-label');
    first.addEventListener('change', function () { fill(''); });
    fill(chosen);
  }

  function enter() {
    var form = document.querySelector('#kq-form');
    if (!form || !form.querySelector('[data-form-rules]')) return;
    Array.prototype.forEach.call(form.querySelectorAll('select[data-city]'), split);
    arrange(form);
  }

  function field(target) { return target.closest ? target.closest('[data-field]') : null; }

  function later(event) {
    var place = field(event.target);
    var form = place && event.target.form;
    if (!form || place.contains(event.relatedTarget)) return;
    rulesOf(form).forEach(function (rule) {
      if (rule.key !== place.getAttribute('data-field')) return;
      var input = read(form, [rule]);
      // Going past an empty question is no mistake yet.
      if (input[rule.key] || place.querySelector('.kq-error')) judge(form, rule, input);
    });
  }

  document.addEventListener('focusout', later);
  document.addEventListener('change', function (event) {
    var place = field(event.target);
    if (place && event.target.form) {
      arrange(event.target.form);
      if (place.querySelector('.kq-error')) later({ target: event.target });
    }
  });
  document.addEventListener('input', function (event) {
    var place = field(event.target);
    var form = place && event.target.form;
    if (!form || !place.querySelector('.kq-error')) return;
    rulesOf(form).forEach(function (rule) {
      // While somebody types, a message only goes away.
      if (rule.key === place.getAttribute('data-field') && !check(rule, read(form, [rule])[rule.key]).verdict) say(place, '');
    });
  });

  // Before claim.js sends the form: the first wrong question gets the focus.
  document.addEventListener('submit', function (event) {
    var form = event.target;
    if (!form.querySelector || !form.querySelector('[data-form-rules]')) return;
    arrange(form);
    var rules = rulesOf(form), input = read(form, rules), seen = shown(rules, input);
    var wrong = rules.filter(function (rule) { return seen[rule.key] && box(form, rule.key) && !judge(form, rule, input); });
    if (wrong.length === 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    var first = inputs(box(form, wrong[0].key)).filter(function (e) { return !e.hidden; })[0];
    if (first) first.focus();
  }, true);

  document.addEventListener('kq:state', enter);
  enter();
})();
