/**
 * The walk over the candidates of a name: which answer libc would take, and when it gives up.
 *
 * The rules are glibc's (`resolv/res_query.c`, `__res_context_query` and `__res_context_search`):
 *
 * - A and AAAA are asked together, and an answer to either is an answer; a host with addresses of one family asks
 *   for the other only when the name has none of its own (AI_ADDRCONFIG, which does not ask at all);
 * - a candidate that does not exist (NXDOMAIN) or has no address (NODATA) gives way to the next;
 * - so does one with SERVFAIL: nodes pass on search domains whose servers are out of order, and with `ndots:5`
 *   every outside name is first asked below them;
 * - after any other failure, such as a timeout, the search list is left, and only the name as it stands is still
 *   tried; when nobody listens at the servers' addresses, not even that.
 *
 * One rule is added, because an answer stays in force here and libc keeps none: when the candidate that gave the
 * answer in force fails, the walk ends as a failure. To go on could find another host by a like name further down
 * the list, and would move every connection there because a name server had a bad second.
 */
import { codeOf, messageOf } from '../base/fault.ts';
import { canonicalIp, preferReachable, type Reach } from './addresses.ts';
import type { AddressRecord, AddressResolver } from './node-resolver.ts';

/** What a walk found. */
export type SearchResult = SearchAnswer | SearchFailure;

export interface SearchAnswer {
  readonly kind: 'answer';
  /** The name that was answered; null when a file answered, and no server was asked. */
  readonly candidate: string | null;
  /** The addresses of each family; null when this family could not be asked and the other answered. */
  readonly ipv4: readonly string[] | null;
  readonly ipv6: readonly string[] | null;
  /** Infinite for what comes from a file. */
  readonly ttlMs: number;
}

interface SearchFailure {
  readonly kind: 'failed';
  /** One sentence. */
  readonly cause: string;
}

type Family =
  | { readonly kind: 'records'; readonly records: readonly AddressRecord[] }
  | { readonly kind: 'no-data' }
  | { readonly kind: 'no-name' }
  | { readonly kind: 'failed'; readonly code: string };

type Outcome =
  | SearchAnswer
  | { readonly kind: 'denied' }
  | { readonly kind: 'failed'; readonly code: string };

export interface SearchOptions {
  /** In the order in which they are asked, see `candidateNames`. */
  readonly candidates: readonly string[];
  /** Which of them is the name as it stands. */
  readonly asIs: string;
  /** The candidate that gave the answer in force. */
  readonly inForce: string | null;
  readonly resolver: AddressResolver;
  readonly reach: Reach;
}

export async function search(options: SearchOptions): Promise<SearchResult> {
  const { candidates, asIs, inForce } = options;
  let failure: SearchFailure | null = null;
  let leftSearchList = false;
  for (const candidate of candidates) {
    if (leftSearchList && candidate !== asIs) continue;
    const outcome = await askCandidate(candidate, options);
    if (outcome.kind === 'answer') return outcome;
    if (outcome.kind === 'denied') continue;
    failure ??= { kind: 'failed', cause: `${candidate} could not be resolved: ${outcome.code}` };
    if (candidate === inForce || outcome.code === 'ECONNREFUSED') break;
    // The name as it stands is not part of the search list: glibc searches on, whatever became of it.
    if (candidate !== asIs && outcome.code !== 'ESERVFAIL') leftSearchList = true;
  }
  return (
    failure ?? {
      kind: 'failed',
      cause: `no such name, or no address for it: asked for ${candidates.join(', ')}`,
    }
  );
}

async function askCandidate(candidate: string, options: SearchOptions): Promise<Outcome> {
  const { ipv4, ipv6 } = await askFamilies(candidate, options);
  const records = [...recordsOf(ipv4), ...recordsOf(ipv6)];
  if (records.length === 0) {
    // RFC 8020 2: a name that does not exist for one type exists for none.
    if (ipv4.kind === 'no-name' || ipv6.kind === 'no-name') return { kind: 'denied' };
    return worstOf(ipv4, ipv6);
  }
  const ips = preferReachable(
    records.map((record) => record.address),
    options.reach,
  );
  const ipsOf = (family: Family): readonly string[] | null =>
    family.kind === 'failed'
      ? null
      : recordsOf(family)
          .filter((record) => ips.includes(record.address))
          .map((record) => canonicalIp(record.address));
  return {
    kind: 'answer',
    candidate,
    ipv4: ipsOf(ipv4),
    ipv6: ipsOf(ipv6),
    ttlMs: Math.min(...records.map((record) => record.ttl)) * 1_000,
  };
}

async function askFamilies(
  candidate: string,
  { resolver, reach }: SearchOptions,
): Promise<{ ipv4: Family; ipv6: Family }> {
  const ask4 = (): Promise<Family> => familyOf(resolver.resolve4(candidate));
  const ask6 = (): Promise<Family> => familyOf(resolver.resolve6(candidate));
  if (reach.ipv4 === reach.ipv6) {
    const [ipv4, ipv6] = await Promise.all([ask4(), ask6()]);
    return { ipv4, ipv6 };
  }
  const own = await (reach.ipv4 ? ask4() : ask6());
  const other: Family =
    own.kind !== 'no-data' ? { kind: 'no-data' } : await (reach.ipv4 ? ask6() : ask4());
  return reach.ipv4 ? { ipv4: own, ipv6: other } : { ipv4: other, ipv6: own };
}

async function familyOf(asked: Promise<readonly AddressRecord[]>): Promise<Family> {
  try {
    const records = await asked;
    return records.length === 0 ? { kind: 'no-data' } : { kind: 'records', records };
  } catch (error) {
    const code = codeOf(error) ?? messageOf(error);
    if (code === 'ENODATA') return { kind: 'no-data' };
    // A name that cannot be written in a query (EBADNAME) is one that no server knows.
    if (code === 'ENOTFOUND' || code === 'EBADNAME') return { kind: 'no-name' };
    return { kind: 'failed', code };
  }
}

/** Of two families without an address: the failure, and of two failures the one that libc minds more. */
function worstOf(one: Family, other: Family): Outcome {
  const codes = [one, other].flatMap((each) => (each.kind === 'failed' ? [each.code] : []));
  const code = codes.find((each) => each !== 'ESERVFAIL') ?? codes[0];
  return code === undefined ? { kind: 'denied' } : { kind: 'failed', code };
}

function recordsOf(family: Family): readonly AddressRecord[] {
  return family.kind === 'records' ? family.records : [];
}
