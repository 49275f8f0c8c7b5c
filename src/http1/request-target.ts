/** The request target's four forms and the Host field (RFC 9112 3.2). */

/** Host and optional port as RFC 3986 writes them: a name or IPv4, or an IP literal in brackets. No user information. */
const authorityForm = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=%]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;

/** Whether `value` is a host with an optional port, as Host must be (RFC 9112 3.2). */
export function isAuthority(value: string): boolean {
  // A comma is a sub-delimiter that RFC 3986 allows in a name, and a sure sign of two Host lines joined by somebody.
  return authorityForm.test(value) && !value.includes(',') && portIsProper(value);
}

function portIsProper(value: string): boolean {
  const colon = value.lastIndexOf(':');
  if (colon === -1 || value.endsWith(']')) return true;
  return Number(value.slice(colon + 1)) <= 65535;
}

export interface Target {
  /** Path and query, or `*`. */
  readonly target: string;
  /** From an absolute-form target; undefined otherwise. */
  readonly authority?: string;
  readonly scheme?: 'http' | 'https';
}

/** Reads a target of any form. Gives a sentence instead when it has to be refused. */
export function readTarget(method: string, raw: string): Target | string {
  const first = raw.charCodeAt(0);
  if (first === 0x2f)
    return raw.includes('%') ? (encodingError(raw) ?? { target: raw }) : { target: raw };
  if (raw === '*') {
    // RFC 9110 7.1: the asterisk form is for OPTIONS alone.
    return method === 'OPTIONS'
      ? { target: '*' }
      : 'target "*" is for OPTIONS alone (RFC 9112 3.2.4)';
  }
  const found = /^(https?):\/\/([^/?]*)(.*)$/i.exec(raw);
  if (found === null) return 'the target is neither a path nor an http URI (RFC 9112 3.2)';
  const [, scheme = '', authority = '', rest = ''] = found;
  if (authority.includes('@')) return 'user information in the target (RFC 9110 4.2.4)';
  // RFC 9110 4.2.1: an http URI with an empty host is invalid.
  if (!isAuthority(authority)) return 'the target has no valid host (RFC 9110 4.2.1)';
  const wrong = encodingError(rest);
  if (wrong !== null) return wrong;
  // RFC 9112 3.2.4: server-wide OPTIONS in absolute form has neither path nor query.
  const target =
    rest === '' ? (method === 'OPTIONS' ? '*' : '/') : rest.startsWith('/') ? rest : `/${rest}`;
  return { target, authority, scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http' };
}

/** Percent-encodings that end a string or a line in some server behind us. */
function encodingError(target: string): string | null {
  if (target.includes('%00')) return 'a percent-encoded NUL in the target';
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  return /%0[ad]/i.test(path) ? 'a percent-encoded CR or LF in the path' : null;
}
