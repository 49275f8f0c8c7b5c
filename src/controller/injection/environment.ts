/** The variables by which an application finds its upstreams, and how they get into its containers. */

import { addToList, type Patch, pointer } from './patch.ts';
import type { ContainerView } from './pod-view.ts';
import { mistakeIn, type Settings } from './settings.ts';
import type { LocalUrl } from './upstreams.ts';

export interface Variable {
  readonly name: string;
  readonly value: string;
  /** Whether somebody chose the name, and so counts on it. */
  readonly isChosen: boolean;
}

export interface VariablesReading {
  readonly variables: readonly Variable[];
  readonly problems: readonly string[];
}

export function variablesOf(localUrls: readonly LocalUrl[], settings: Settings): VariablesReading {
  const variables = new Map<string, Variable>();
  const problems: string[] = [];
  const put = (variable: Variable): void => {
    const before = variables.get(variable.name);
    if (before === undefined) variables.set(variable.name, variable);
    else if (before.value !== variable.value)
      problems.push(
        mistakeIn(
          variable.isChosen ? 'env' : 'upstreams',
          variable.name,
          'each variable is meant for one upstream: rename one',
        ),
      );
  };
  const upstreams = firstOfEach(localUrls);
  const { all, named } = settings.variables;
  for (const { upstream, url } of upstreams) {
    put({ name: variableName(upstream), value: url, isChosen: false });
    const chosen = named.get(upstream) ?? (upstreams.length === 1 ? all : undefined);
    if (chosen !== undefined) put({ name: chosen, value: url, isChosen: true });
  }
  return { variables: [...variables.values()], problems };
}

/** `pay-v2` is `SIDEPOOL_PAY_V2_URL`. */
export function variableName(upstream: string): string {
  return `SIDEPOOL_${upstream.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_URL`;
}

function firstOfEach(localUrls: readonly LocalUrl[]): readonly LocalUrl[] {
  return localUrls.filter(
    ({ upstream }, index) => localUrls.findIndex((each) => each.upstream === upstream) === index,
  );
}

export interface EnvironmentChange {
  readonly patch: Patch;
  readonly warnings: readonly string[];
}

/**
 * Puts the variables before the container's own, so that those can refer to them: `$(SIDEPOOL_API_URL)`. What the
 * container has of that name stays.
 */
export function addVariables(
  { name, path, env, rawEnv }: ContainerView,
  variables: readonly Variable[],
): EnvironmentChange {
  const missing = variables.filter((variable) => !env.has(variable.name));
  const kept = variables.filter(
    (variable) => env.has(variable.name) && env.get(variable.name) !== variable.value,
  );
  return {
    patch: addToList(`${path}${pointer('env')}`, rawEnv, {
      index: 0,
      values: missing.map((variable) => ({ name: variable.name, value: variable.value })),
    }),
    warnings: kept.map(
      (variable) =>
        `container ${name} sets ${variable.name} itself: kept. Sidepool listens at ${variable.value}`,
    ),
  };
}
