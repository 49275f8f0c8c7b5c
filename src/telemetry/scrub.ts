/**
 * What keeps secrets out of logs, the fault ring and the status page.
 *
 * The first defence is that nothing here takes a field's value, a query or a body in the first place. These functions
 * are the second: a cause is one sentence made by another room, and one day one of them will quote what it received.
 */
import type { Fault } from '../base/fault.ts';

const LONGEST_TEXT = 500;
const LONGEST_PATH = 256;
const LONGEST_METHOD = 32;

/** `https://user:secret@host`, and the same without a scheme. */
const userinfo = /\/\/[^\s/@"'<>]*@/g;
/** From a question mark that something follows to the next white space, quote or bracket. A question's own mark stays. */
const query = /\?[^\s"'<>)\]]+/g;
/** A credential's field, quoted with its value; the rest of that line goes. */
const credentialField =
  /\b((?:proxy-)?authorization|(?:set-)?cookie2?|x-api-key|x-auth-token)\b(["']?\s*[:=])[^\r\n]*/gi;
const credentialScheme = /\b(bearer|basic|digest|negotiate)\s+[\w.~+/=-]{6,}/gi;

/** A sentence without queries, userinfo and credentials, and of bounded length. */
export function scrub(text: string): string {
  const clean = text
    .replace(credentialField, '$1$2 [hidden]')
    .replace(credentialScheme, '$1 [hidden]')
    .replace(userinfo, '//[hidden]@')
    .replace(query, '?[hidden]');
  return clean.length > LONGEST_TEXT ? `${clean.slice(0, LONGEST_TEXT)}...` : clean;
}

/** A fault whose cause may be shown. */
export function shown(fault: Fault): Fault {
  return { ...fault, cause: scrub(fault.cause) };
}

/** The path of a request target: no query, no fragment, and no userinfo should it be in absolute form. */
export function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  const path = (end === -1 ? target : target.slice(0, end)).replace(userinfo, '//[hidden]@');
  return path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}...` : path;
}

export function methodOf(method: string): string {
  return method.length > LONGEST_METHOD ? `${method.slice(0, LONGEST_METHOD)}...` : method;
}

const plainId = /^[\w.:/+=-]{1,128}$/;

/** A request id that looks like one; anything else is nobody's id and may be anything at all. */
export function requestIdOf(value: string | undefined): string | undefined {
  return value !== undefined && plainId.test(value) ? value : undefined;
}

const traceContext = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** W3C Trace Context, version 00's shape. */
export function traceParentOf(value: string | undefined): string | undefined {
  return value !== undefined && traceContext.test(value) ? value : undefined;
}
