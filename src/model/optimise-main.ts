// Entry of a child process that optimises one model: `optimise-main WEIGHTS TO`. In a process of its own, because what
// the runtime takes for it (twice the weights) it gives back only when the process ends.

import { optimiseModel } from './session.ts';

const [weights = '', to = ''] = process.argv.slice(2);
await optimiseModel(weights, to);
