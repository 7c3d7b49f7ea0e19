/** What systemd would hear of a service: a socket as NOTIFY_SOCKET names it. Node has none of its kind, so Python holds it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const SERVER = `
import json, os, socket, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
print('listening', flush=True)
while True:
    print(json.dumps(server.recv(65536).decode()), flush=True)
`;

export interface NotifySocket {
  path: string;
  /** All that was said so far: \`READY=1\`, \`STATUS=...\`, in order. */
  said: string[];
  close(): Promise<void>;
}

export async function openNotifySocket(folder: string): Promise<NotifySocket> {
  const socket = path.join(folder, 'notify');
  const child = spawn('python3', ['-c', SERVER, socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const said: string[] = [];
  await once(lines, 'line');
  lines.on('line', (line) => said.push(...(JSON.parse(line) as string).trim().split('\n')));
  return {
    path: socket,
    said,
    async close() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
