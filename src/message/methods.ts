/** What is known of methods (RFC 9110 9.2, and QUERY, the safe method with a body). Names are case-sensitive; unknown ones are neither. */

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY']);
const idempotent: ReadonlySet<string> = new Set([...safe, 'PUT', 'DELETE']);
const anticipatesContent: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'QUERY']);

/** Asks for nothing to be changed (RFC 9110 9.2.1). */
export function isSafe(method: string): boolean {
  return method === 'GET' || safe.has(method);
}

/** Done twice, it has the effect of once (RFC 9110 9.2.2). */
export function isIdempotent(method: string): boolean {
  return method === 'GET' || idempotent.has(method);
}

/** Is sent with `Content-Length: 0` when it has no content (RFC 9110 8.6). */
export function anticipates(method: string): boolean {
  return method !== 'GET' && anticipatesContent.has(method);
}
