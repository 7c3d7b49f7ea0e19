import { readdir, readlink } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { processesOf } from '../package.ts';

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** Like fetch, but it can send a wrong Host or Origin. */
export function ask(url: string, options: http.RequestOptions = {}, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Upload files that the service holds open. They are unlinked as soon as they are opened. */
export async function openTemporaryFiles(dataDir: string): Promise<string[]> {
  const links: string[] = [];
  for (const pid of await processesOf(dataDir)) {
    const folder = `/proc/${pid}/fd`;
    for (const fd of await readdir(folder).catch(() => []))
      links.push(await readlink(path.join(folder, fd)).catch(() => ''));
  }
  return links.filter((link) => link.includes('imgcls-upload-'));
}
