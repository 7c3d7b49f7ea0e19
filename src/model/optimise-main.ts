// Entry point of a child process that optimises one model: `optimise-main WEIGHTS TO`. It is a separate process because
// the runtime frees the memory that it needs for this (twice the weights) only when the process ends.

import { optimiseModel } from './session.ts';

const [weights = '', to = ''] = process.argv.slice(2);
await optimiseModel(weights, to);
