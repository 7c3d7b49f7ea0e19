import { pluralize } from '../../core/text/pluralize.ts';
import type { Policy } from './policy.ts';

/** The rule of the system that imgcls descends from (arXiv 2305.01634): one machine per message. For comparison. */
export const perMessagePolicy: Policy = ({ backlog }) => {
  const messages = backlog.waiting + backlog.inFlight + backlog.delayed;
  return { machines: messages, reason: `${pluralize(messages, 'message')}, one worker each` };
};
