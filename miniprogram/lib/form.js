// The rules of a campaign's form, the same as the server's: a mistake is told before a
// request is made, and the server decides all the same.
const MAX_ANSWER = 60;

// narrow turns full-width letters, digits and signs into plain ones.
function narrow(s) {
  return s.replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0)).replace(/\u3000/g, ' ');
}

// clean drops what no honest line holds: control characters and direction marks.
function clean(s) {
  return String(s === undefined || s === null ? '' : s).replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]/g, '').trim();
}

// mobile normalises a mainland number; null when it is none.
function mobile(s) {
  let n = narrow(clean(s)).replace(/[ \-\u00a0()]/g, '').replace(/^\+/, '');
  if (n.length > 11) n = n.replace(/^00/, '').replace(/^86/, '');
  return /^1[3-9][0-9]{9}$/.test(n) ? n : null;
}

// Number plates never use I and O. New-energy plates have six places after the first letter:
// small cars carry their letter first, large ones last.
const PROVINCES = '京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新';
const PLATE = new RegExp('^[' + PROVINCES + '][A-HJ-NP-Z](?:[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9学警挂港澳]|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK])$');

// plate normalises a number plate; null when it is none.
function plate(s) {
  const p = narrow(clean(s)).replace(/[ \u00b7\u2022\u30fb\uff65.\-\u00a0]/g, '').toUpperCase();
  return PLATE.test(p) ? p : null;
}

// checkField gives {value} or {error: {key, args}}; keys are those of the texts.
function checkField(field, raw) {
  const value = clean(raw);
  if (!value) {
    return field.required ? { error: { key: 'form_required', args: { label: field.label } } } : { value: '' };
  }
  switch (field.kind) {
    case 'mobile': {
      const m = mobile(value);
      return m ? { value: m } : { error: { key: 'form_mobile' } };
    }
    case 'plate': {
      const p = plate(value);
      return p ? { value: p } : { error: { key: 'form_plate' } };
    }
    case 'choice':
      return (field.options || []).includes(value) ? { value } : { error: { key: 'form_choice' } };
    default: {
      const count = Array.from(value).length;
      return count > MAX_ANSWER ? { error: { key: 'form_long', args: { max: MAX_ANSWER, count } } } : { value };
    }
  }
}

// checkForm gives the answers to send and the mistakes by field key; 'consent' is one of them.
function checkForm(fields, values, consent) {
  const answers = {};
  const errors = {};
  for (const f of fields) {
    const { value, error } = checkField(f, values[f.key]);
    if (error) errors[f.key] = error;
    else if (value) answers[f.key] = value;
  }
  if (fields.length && !consent) errors.consent = { key: 'form_consent' };
  return { answers, errors, ok: Object.keys(errors).length === 0 };
}

// serverErrors are the mistakes that the server told, by field key.
function serverErrors(e) {
  const list = e.errors && e.errors.length ? e.errors : e.field ? [e] : [];
  const out = {};
  for (const x of list) {
    if (x.field) out[x.field.replace(/^f_/, '')] = x.message;
  }
  return out;
}

module.exports = { checkForm, checkField, serverErrors, mobile, plate, clean, narrow, MAX_ANSWER };
