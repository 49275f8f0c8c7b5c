/**
 * Tells the owner of a pod, in an event, what was done with it: a ReplicaSet or a Job stays, and `kubectl get events`
 * shows it, when the warning of the admission has long scrolled away in some controller's log.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Api } from '../kubernetes/api.ts';
import type { OwnerReference, Reviewed } from './review.ts';

/** The same is not told to the same owner again for this long: a roll-out makes many pods. */
const QUIET_MS = 600_000;
const MOST_REMEMBERED = 2000;
const MOST_UNDER_WAY = 16;
const LONGEST_NOTE = 1000;

export interface EventsParts {
  readonly api: Api;
  readonly clock: Clock;
  /** The name of this replica. */
  readonly reporter: string;
  onFailed(why: string): void;
}

interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

export class OwnerEvents {
  readonly #parts: EventsParts;
  /** What was told, and until when it is not told again. The oldest come first. */
  readonly #told = new Map<string, number>();
  #underWay = 0;

  constructor(parts: EventsParts) {
    this.#parts = parts;
  }

  /** Returns at once; an event that cannot be written is only counted. */
  tell(reviewed: Reviewed): void {
    const notice = noticeOf(reviewed);
    const about = reviewed.owner ?? ownPod(reviewed);
    if (notice === null || about === null || reviewed.isDryRun) return;
    // Not the text itself: who makes up reviews makes up long ones, and thousands are remembered.
    const key = hash('sha256', JSON.stringify([reviewed.namespace, about, notice]));
    const nowMs = this.#parts.clock.now();
    if ((this.#told.get(key) ?? 0) > nowMs || this.#underWay >= MOST_UNDER_WAY) return;
    this.#told.delete(key);
    this.#told.set(key, nowMs + QUIET_MS);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MOST_REMEMBERED) break;
      this.#told.delete(oldest);
    }
    this.#underWay += 1;
    void this.#write(reviewed.namespace, about, notice).finally(() => {
      this.#underWay -= 1;
    });
  }

  async #write(namespace: string, about: Partial<OwnerReference>, notice: Notice): Promise<void> {
    const { api, clock, reporter, onFailed } = this.#parts;
    // biome-ignore lint/style/noRestrictedGlobals: a conversion; the time comes from the clock.
    const now = new Date(clock.wallSeconds() * 1000).toISOString();
    const seconds = now.replace(/\.\d+Z$/, 'Z');
    try {
      const { status } = await api.call({
        method: 'POST',
        path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`,
        body: {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { generateName: 'sidepool-', namespace },
          involvedObject: { ...about, namespace },
          type: notice.type,
          reason: notice.reason,
          message: notice.note.slice(0, LONGEST_NOTE),
          firstTimestamp: seconds,
          lastTimestamp: seconds,
          count: 1,
          source: { component: 'sidepool-controller' },
          reportingComponent: 'sidepool.io/controller',
          reportingInstance: reporter,
        },
      });
      if (status >= 300) onFailed(`status ${status}`);
    } catch (error) {
      onFailed(String(error));
    }
  }
}

/** A pod without an owner is told about itself, if it has a name already. */
function ownPod({ podName }: Reviewed): Partial<OwnerReference> | null {
  return podName === undefined ? null : { apiVersion: 'v1', kind: 'Pod', name: podName };
}

function noticeOf({ outcome }: Reviewed): Notice | null {
  switch (outcome.kind) {
    case 'injected':
      return {
        type: outcome.warnings.length === 0 ? 'Normal' : 'Warning',
        reason: 'SidepoolInjected',
        note: [
          `Sidepool was injected (${outcome.mode}) for ${outcome.upstreams.join(', ')}.`,
          ...outcome.warnings,
        ].join(' Warning: '),
      };
    case 'not-injected':
      return {
        type: 'Warning',
        reason: outcome.isStrict ? 'SidepoolRefused' : 'SidepoolNotInjected',
        note: [...outcome.problems, ...outcome.warnings].join('; '),
      };
    case 'failed':
      return { type: 'Warning', reason: 'SidepoolNotInjected', note: `A defect: ${outcome.why}` };
    default:
      return null;
  }
}
