/** All cases, in the order of the page. */
import type { Case } from './case.ts';
import { loadCases } from './loads.ts';
import { memoryCases } from './memory.ts';
import { phpCase } from './php.ts';
import { restCase, startCase } from './rest-and-start.ts';

export const cases: readonly Case[] = [...loadCases, phpCase, ...memoryCases, restCase, startCase];
