/** The name by which `npm run fuzz` knew the fuzzer first. */
import './run.ts';
