/** Whether a token is a pod's of this cluster, made for us: asked of the API server, and remembered for a minute. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { AUDIENCE } from '../injection/audience.ts';
import { listAt, member, textAt } from '../injection/json.ts';
import { type Api, ask } from '../kubernetes/api.ts';

const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 20_000;

export class TokenReviewer {
  readonly #api: Api;
  readonly #clock: Clock;
  /** By the token's digest: the tokens themselves are not kept. The oldest come first. */
  readonly #known = new Map<string, { readonly user: string; readonly untilMs: number }>();

  constructor(api: Api, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /** The user's name, or null if it is nobody. Rejects when the API server does not say. */
  async userOf(token: string): Promise<string | null> {
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(digest);
    if (known !== undefined && known.untilMs > this.#clock.now()) return known.user;
    const body = await ask(this.#api, {
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/tokenreviews',
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, audiences: [AUDIENCE] },
      },
    });
    const status = member(body, 'status');
    const user = textAt(member(status, 'user'), 'username');
    // An API server that knows no audiences would let any token pass.
    const isForUs = listAt(status, 'audiences').includes(AUDIENCE);
    if (member(status, 'authenticated') !== true || user === undefined || !isForUs) return null;
    this.#known.delete(digest);
    this.#known.set(digest, { user, untilMs: this.#clock.now() + REMEMBERED_MS });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_REMEMBERED) break;
      this.#known.delete(oldest);
    }
    return user;
  }
}
