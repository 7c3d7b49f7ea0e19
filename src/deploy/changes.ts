// The changes of a change set as text.

import type { ResourceChange } from '../core/aws-account/stacks.ts';

export const CHANGE_HEAD = ['action', 'resource', 'type', 'replacement'];

const WORDS: Readonly<Record<string, string>> = { Add: 'add', Modify: 'change', Remove: 'remove' };

/** Changes that could lose data come first: removals, then replacements. */
const rank = ({ action, replacement }: ResourceChange): number =>
  action === 'Remove'
    ? 0
    : replacement === 'yes' || replacement === 'maybe'
      ? 1
      : action === 'Modify'
        ? 2
        : 3;

/** Rows under {@link CHANGE_HEAD}. */
export const changeRows = (changes: readonly ResourceChange[]): string[][] =>
  changes
    .toSorted((a, b) => rank(a) - rank(b) || a.resource.localeCompare(b.resource))
    .map(({ action, resource, type, replacement = '' }) => [
      WORDS[action] ?? action.toLowerCase(),
      resource,
      type,
      replacement,
    ]);

/** `37 to add, 1 to change (1 replaced), none to remove.` */
export function changeSummary(changes: readonly ResourceChange[]): string {
  if (changes.length === 0) return 'No resource changes, only outputs or descriptions.';
  const count = (action: string) => changes.filter((change) => change.action === action).length || 'none';
  const replaced = changes.filter(({ replacement }) => replacement === 'yes').length;
  const changed = `${count('Modify')} to change${replaced > 0 ? ` (${replaced} replaced)` : ''}`;
  return `${count('Add')} to add, ${changed}, ${count('Remove')} to remove.`;
}

/** Buckets and queues that would lose their contents. */
function losses(changes: readonly ResourceChange[]): string[] {
  return changes
    .filter(({ type }) => type === 'AWS::S3::Bucket' || type === 'AWS::SQS::Queue')
    .filter(
      ({ action, replacement }) => action === 'Remove' || replacement === 'yes' || replacement === 'maybe',
    )
    .map(({ resource }) => resource);
}

/** What the user should know of the changes before agreeing to them. */
export function changeWarnings(changes: readonly ResourceChange[]): string[] {
  const lost = losses(changes);
  const balancer = changes.find(
    ({ type, replacement }) =>
      type === 'AWS::ElasticLoadBalancingV2::LoadBalancer' &&
      (replacement === 'yes' || replacement === 'maybe'),
  );
  return [
    ...(lost.length === 0
      ? []
      : [`The contents of ${lost.join(', ')} would be lost, or the deployment would fail.`]),
    ...(balancer === undefined
      ? []
      : [
          'The load balancer of the page is replaced. The page gets a new address (output WebUrl) and is out of reach for some minutes. Point your own host name to the new address.',
        ]),
  ];
}
