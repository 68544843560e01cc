// ApiError is the one error that calls end with. `code` is for programs, `message` for
// people. `network` says that no answer came, so nobody knows whether the call was carried out.
class ApiError extends Error {
  constructor({ status = 0, code = '', message = '', field = '', support = '', errors = [], network = false, body = null }) {
    super(message || code);
    this.name = 'ApiError';
    Object.assign(this, { status, code, field, support, errors, network, body });
  }
}

// fromAnswer reads an answer that is no success; what is not ours (a proxy's page) has no code.
function fromAnswer(res) {
  const body = res.data && typeof res.data === 'object' ? res.data : {};
  return new ApiError({
    status: res.statusCode, code: body.code || 'error.http', message: body.message, field: body.field,
    support: body.support, errors: Array.isArray(body.errors) ? body.errors : [], body,
  });
}

module.exports = { ApiError, fromAnswer };
