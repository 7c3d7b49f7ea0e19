/** The paths of the page, relative to its start page, and the views they show. Pure. */

export type View =
  | { name: 'upload' }
  | { name: 'jobs' }
  | { name: 'job'; id: string }
  | { name: 'fleet' }
  | { name: 'notFound' };

export const jobPath = (id: string): string => `jobs/${id}`;

export function viewOf(path: string): View {
  const parts = path.split('/').filter((part) => part !== '');
  const [first, second, ...more] = parts;
  if (first === undefined) return { name: 'upload' };
  if (first === 'jobs' && second === undefined) return { name: 'jobs' };
  if (first === 'jobs' && second !== undefined && more.length === 0) return { name: 'job', id: second };
  if (first === 'fleet' && second === undefined) return { name: 'fleet' };
  return { name: 'notFound' };
}

export function titleOf(view: View): string {
  const titles = {
    upload: 'Label images',
    jobs: 'Jobs',
    job: 'Job',
    fleet: 'Fleet',
    notFound: 'Page not found',
  };
  return `${titles[view.name]} · imgcls`;
}
