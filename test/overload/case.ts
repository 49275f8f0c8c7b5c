/** One abuse: what is done, for how long, what it may cost, and why no more. */
import type { TempDir } from '../support/temp-dir.ts';
import type { AbusePlan } from './abuser.ts';
import type { Harm } from './bad-origin.ts';
import type { Subject, SubjectPlan, Way } from './subject.ts';

export interface Abusers extends Omit<AbusePlan, 'port'> {
  readonly way: Way;
}

export interface OverloadCase {
  readonly name: string;
  readonly title: string;
  /** What is done, in a sentence. */
  readonly about: string;
  readonly abusers: readonly Abusers[];
  readonly seconds: number;
  /** What the third origin does; it is silent unless told. `dead`: nobody listens there. */
  readonly harm?: Harm | 'dead';
  /** Where the calm clients go, other than `among` and `beside`. */
  readonly calm?: readonly Way[];
  /** The most anonymous memory, and from which settings that follows. */
  readonly bound: { readonly MiB: number; readonly why: string };
  /** Why calm clients of that way may be refused; all others may not. */
  readonly mayFail?: Partial<Record<Way, string>>;
  /** Beside it nginx, under the same. */
  readonly nginx?: boolean;
  readonly plan?: (scene: CaseScene) => Partial<SubjectPlan>;
  /** What else happens meanwhile; ends before the abuse does. Gives what it has seen. */
  readonly meanwhile?: (subject: Subject, scene: CaseScene) => Promise<readonly string[]>;
  /** Why it cannot be run here, or undefined. */
  readonly skip?: () => string | undefined;
  readonly after?: (scene: CaseScene) => void;
}

/** What a case has to itself. */
export interface CaseScene {
  readonly dir: TempDir;
  readonly name: string;
}
