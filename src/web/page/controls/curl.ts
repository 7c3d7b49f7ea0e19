import { server } from '../service/server.ts';

/** The command that sends the same request. @param path below `v1/`. @param options further options of curl. */
export function curlOf(path: string, options = ''): string {
  const token = server.value?.requiresToken === true ? ' -H "Authorization: Bearer $IMGCLS_TOKEN"' : '';
  return `curl -fsS${token}${options} '${new URL(`v1/${path}`, document.baseURI)}'`;
}
