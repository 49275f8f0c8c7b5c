/**
 * What a proxy may send on (RFC 9112, and the house's own rule: one spelling, one reading). Gives a reason for each
 * thing that some server behind it could read differently, or that should not have passed a proxy.
 */
import { type StrictMessage, valuesOf } from './strict-reader.ts';

/** Names that a CGI or WSGI application, or a careless server, takes for a field of framing. */
const looksLikeFraming = /^(?:content|transfer)[_ ](?:length|encoding)$/i;
/** Keep-Alive is not among them: towards a client it is the proxy's own. */
const hopByHop = ['proxy-connection', 'proxy-authenticate', 'proxy-authorization'];
const neverInTrailers = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'authorization',
  'trailer',
  'te',
];

export function unclearRequest(message: StrictMessage): string[] {
  const [method, target, version] = message.start;
  const found = unclear(message);
  const hosts = valuesOf(message.fields, 'host');
  if (version !== '1.1' && version !== '1.0') found.push(`version ${version}`);
  if (hosts.length > 1 || (version === '1.1' && hosts.length === 0))
    found.push(`${hosts.length} Hosts`);
  if (hosts.some((host) => /[^A-Za-z0-9\-._~!$&'()*+;=:[\]%]/.test(host)))
    found.push('an odd Host');
  if (!/^(?:\/[^#\\]*|\*)$/.test(target) && method !== 'CONNECT') found.push('an odd target');
  if (/%00/.test(target) || /%0[ad]/i.test(target.split('?')[0] ?? ''))
    found.push('a line end or NUL in the target');
  if (valuesOf(message.fields, 'keep-alive').length > 0) found.push('hop by hop: Keep-Alive');
  if (method === 'TRACE' && (message.framing === 'chunked' || message.body !== ''))
    found.push('TRACE with a body');
  return found;
}

export function unclearResponse(message: StrictMessage): string[] {
  return unclear(message);
}

function unclear({ fields, trailers, hasExtensions }: StrictMessage): string[] {
  const found: string[] = [];
  const named = valuesOf(fields, 'connection').join(',').toLowerCase();
  if (/(?:^|[\s,])(?:host|content-length|transfer-encoding)(?:[\s,]|$)/.test(named))
    found.push('Connection names a field of framing');
  if (valuesOf(fields, 'content-length').some((length) => !/^(?:0|[1-9]\d*)$/.test(length)))
    found.push('an odd length');
  if (valuesOf(fields, 'transfer-encoding').some((coding) => coding !== 'chunked'))
    found.push('an odd coding');
  for (const [name] of fields) {
    if (looksLikeFraming.test(name)) found.push(`the field ${name}`);
    if (hopByHop.includes(name.toLowerCase())) found.push(`hop by hop: ${name}`);
  }
  for (const [name] of trailers)
    if (neverInTrailers.includes(name.toLowerCase())) found.push(`${name} in the trailers`);
  if (hasExtensions) found.push('chunk extensions');
  return found;
}
