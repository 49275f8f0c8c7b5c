/**
 * Design 4.2 and 4.3 as the simulator understands them, beside the program's own reading: whether a request may be sent
 * again, and which connection may carry another. Held against what has happened on the wires.
 */
import type { ExchangePolicy } from '../../src/proxy/options.ts';
import { type Attempt, finalBytesRead, isAnswered, sentBytes } from './attempt.ts';
import { idempotent, type RequestPlan, safe } from './plan.ts';
import { Violation } from './violation.ts';

// ---- Sent again (design 4.3)

export function checkResend({ entry, atMs }: Attempt, previous: Attempt): void {
  const { plan } = entry;
  const policy = entry.policy as ExchangePolicy;
  const wrong = (rule: string, why: string): never => {
    const where = previous.connection.name;
    throw new Violation(rule, `${entry.name} was sent again ${why} (first on ${where})`);
  };
  const isHeld = previous.sent.bodyBytes <= policy.retry.bodyLimitBytes;
  if (!isHeld) wrong('resent-unheld', 'though its body is too large to be held');
  // Nothing of it had left: any method, and as often as need be.
  if (sentBytes(previous) === 0) return;
  if (!isRepeatable(plan, policy)) {
    wrong('resent-unsafe', 'though a byte of it had gone out and it may have been applied');
  }
  // Abandoned behind a slow response, or lost with it: that is no resend, and what comes for it later is nobody's.
  const wasBehind = previous.isBehind && entry.attempts.length === 2;
  const counted = entry.attempts
    .slice(0, -1)
    .filter((each) => sentBytes(each) > 0 && !each.isBehind);
  if (!wasBehind || finalBytesRead(previous) === 0) {
    if (counted.length > policy.retry.resends) wrong('resent-too-often', `${counted.length} times`);
  }
  if (wasBehind) return;
  if (finalBytesRead(previous) > 0) {
    if (!mayRetryStatus(previous, policy)) {
      wrong('resent-after-response', 'though some of its response had come');
    }
    return;
  }
  checkUnanswered(previous, policy, { atMs, wrong });
}

/** It was sent, and not an octet of a final response has come. */
function checkUnanswered(
  previous: Attempt,
  policy: ExchangePolicy,
  { atMs, wrong }: { readonly atMs: number; readonly wrong: (rule: string, why: string) => never },
): void {
  const { connection, entry } = previous;
  if (connection.tcp.readBytes > previous.readBefore) {
    wrong('resent-after-response', 'though an interim response had come');
  }
  const { perTryTimeoutMs } = policy.retry;
  if (perTryTimeoutMs > 0 && atMs - previous.atMs >= perTryTimeoutMs) return;
  if (connection.socket?.hasSeenEnd !== true) {
    wrong('resent-while-open', 'while its connection was open');
  }
  if (!previous.mayBeStale && !mayRepeatOnNew(entry.plan, policy)) {
    wrong('resent-on-new', 'though it was the first on a new connection');
  }
}

function isPromised({ isPromised: hasField }: RequestPlan, { retry }: ExchangePolicy): boolean {
  return hasField && retry.idempotencyHeaders.length > 0;
}

function isRepeatable(plan: RequestPlan, policy: ExchangePolicy): boolean {
  return idempotent.has(plan.method) || isPromised(plan, policy);
}

function mayRepeatOnNew(plan: RequestPlan, policy: ExchangePolicy): boolean {
  const { onNewConnection } = policy.retry;
  if (onNewConnection === 'never') return false;
  return onNewConnection === 'idempotent' || safe.has(plan.method) || isPromised(plan, policy);
}

function mayRetryStatus({ answer, connection }: Attempt, { retry }: ExchangePolicy): boolean {
  if (answer === null || connection.tcp.readBytes < answer.headEndAt) return false;
  return retry.statuses.includes(answer.plan.status);
}

// ---- Used again (design 4.2)

export function checkReuse(attempt: Attempt, before: Attempt): void {
  const { entry, connection, sent, isBehind } = attempt;
  const wrong = (rule: string, why: string): never => {
    throw new Violation(rule, `${connection.name} carries ${entry.name} ${why}`);
  };
  if (before.sent.endAt === null || before.sent.endAt > sent.startAt) {
    wrong('reused-unsent', `before ${before.entry.name} was wholly sent`);
  }
  if (connection.tcp.readBytes > connection.strayAt) {
    wrong('reused-with-leftover', 'though bytes had come that nobody asked for');
  }
  const unanswered = connection.attempts.filter((each) => each !== attempt && !isAnswered(each));
  for (const { answer, entry: other } of unanswered) {
    const hasHead = answer !== null && connection.tcp.readBytes >= answer.headEndAt;
    if (hasHead && !answer.plan.keeps) {
      wrong('reused-unkept', `behind ${other.name}, which ends it`);
    }
  }
  if (isBehind) {
    checkShared(attempt, unanswered, wrong);
    return;
  }
  // Of TLS the gateway cannot know so soon.
  if (!connection.isEncrypted && connection.tcp.takenBytes < sent.startAt) {
    wrong('reused-unsent', `while the end of ${before.entry.name} is still unsent`);
  }
  const { answer } = before;
  if (answer === null) return;
  if (answer.plan.framing === 'close' || !answer.plan.keeps || answer.plan.isSwitch) {
    wrong('reused-unkept', `though the response to ${before.entry.name} said that it ends`);
  }
}

/**
 * Design 4.2: one turn of the loop passes before a request that could not be sent again is written to a connection that
 * was used before. So an end that had arrived before this turn has been seen.
 */
export function checkSeen({ entry, connection }: Attempt, turn: number): void {
  const { endArrivedIn } = connection.tcp;
  if (endArrivedIn === null || endArrivedIn >= turn) return;
  if (isRepeatable(entry.plan, entry.policy as ExchangePolicy)) return;
  throw new Violation(
    'sent-into-end',
    `${entry.name} is sent to ${connection.name}, which has ended`,
  );
}

/** Design 4.2, pipelining: who may be sent behind whom. */
function checkShared(
  { entry, connection }: Attempt,
  unanswered: readonly Attempt[],
  wrong: (rule: string, why: string) => never,
): void {
  if (unanswered.length >= connection.mostDepth) {
    wrong('too-deep', `behind ${unanswered.length} others`);
  }
  if (unanswered.length + 1 === connection.attempts.length) {
    wrong('shared-new', 'behind another, and nothing was ever answered there');
  }
  for (const { plan } of [entry, ...unanswered.map((each) => each.entry)]) {
    const mayShare = (plan.method === 'GET' || plan.method === 'HEAD') && plan.framing === 'none';
    if (!mayShare) wrong('shared-unsafe', `beside request ${plan.id} (${plan.method})`);
  }
  if (entry.attempts.length > 1) wrong('shared-again', 'behind another, not for the first time');
}
