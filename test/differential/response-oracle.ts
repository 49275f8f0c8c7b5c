/** What must hold of what a client was given: the strict reader's answer, or an error that shows, and then its own answer. */
import type { Answers, Got } from './clients/client.ts';
import type { ResponseTrial } from './response-grammar.ts';
import { type Meaning, meaningOf } from './response-origin.ts';

export interface ResponseVerdict {
  /** Null when all is as it must be. */
  readonly finding: { readonly sort: string; readonly detail: string } | null;
  /** `stricter`: it was proper by the grammar, and the gateway would not have it all the same. */
  readonly kind: 'given' | 'refused' | 'cut' | 'stricter' | 'cannot tell';
}

export function judgeAnswers(trial: ResponseTrial, { first, next }: Answers): ResponseVerdict {
  const meaning = meaningOf(trial);
  const kind = kindOf(meaning, first);
  const own = `next-${trial.id}`;
  if (next.status !== 200 || next.body !== own || next.isWhole === false)
    return { kind, finding: { sort: 'the next is answered otherwise', detail: shown(next) } };
  if (kind !== 'given' || isMeant(trial, meaning, first)) return { kind, finding: null };
  const sorts: Readonly<Record<Meaning['kind'], string>> = {
    whole: 'another response than was sent',
    cut: 'a cut response taken for whole',
    none: 'a malformed response taken for whole',
  };
  return { kind, finding: { sort: sorts[meaning.kind], detail: shown(first) } };
}

function kindOf(meaning: Meaning, { status, isWhole }: Got): ResponseVerdict['kind'] {
  if (isWhole === false) return meaning.kind === 'whole' ? 'stricter' : 'cut';
  const isMeantStatus = meaning.kind === 'whole' && meaning.status === status;
  if ((status === 502 || status === 504) && !isMeantStatus)
    return meaning.kind === 'whole' ? 'stricter' : 'refused';
  // Without a way to tell, a cut passes; what is whole must still be right.
  return isWhole === null && meaning.kind !== 'whole' ? 'cannot tell' : 'given';
}

function isMeant({ method }: ResponseTrial, meaning: Meaning, { status, body }: Got): boolean {
  if (meaning.kind !== 'whole' || status !== meaning.status) return false;
  return method === 'HEAD' || body === meaning.body;
}

function shown({ status, body, isWhole }: Got): string {
  return `${status}, ${isWhole === null ? 'whole or not' : isWhole ? 'whole' : 'cut'}: ${JSON.stringify(body.slice(0, 300))}`;
}
