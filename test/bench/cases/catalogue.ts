/** All cases, in the order of the page. */
import type { Case } from './case.ts';
import { loadCases } from './loads.ts';

export const cases: readonly Case[] = [...loadCases];
