/** The paths of the page, relative to its start page, and the views they show. Pure. */

export type View =
  | { name: 'upload' }
  | { name: 'find' }
  | { name: 'jobs' }
  | { name: 'job'; id: string }
  | { name: 'fleet' }
  | { name: 'notFound' };

export const jobPath = (id: string): string => `jobs/${id}`;

export function viewOf(path: string): View {
  const parts = path.split('/').filter((part) => part !== '');
  const [first, second, ...more] = parts;
  if (first === undefined) return { name: 'upload' };
  if (first === 'jobs' && second !== undefined && more.length === 0) return { name: 'job', id: second };
  if ((first === 'find' || first === 'jobs' || first === 'fleet') && second === undefined)
    return { name: first };
  return { name: 'notFound' };
}

export function titleOf(view: View): string {
  const titles = {
    upload: 'Label photos',
    find: 'Find photos',
    jobs: 'Jobs',
    job: 'Job',
    fleet: 'Fleet',
    notFound: 'Page not found',
  };
  return titles[view.name];
}

/** Query parameters; those without a value are left out. */
export type Query = Readonly<Record<string, string | undefined>>;

/** The query with these changes, as part of an address: empty or with its `?`. */
export function changedQuery(query: URLSearchParams, changes: Query): string {
  const changed = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes))
    if (value === undefined || value === '') changed.delete(name);
    else changed.set(name, value);
  return changed.size === 0 ? '' : `?${changed}`;
}
