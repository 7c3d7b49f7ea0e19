import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy to a service whose connections can be cut and restored. */
export interface BreakableLine {
  url: string;
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function openLine(to: string): Promise<BreakableLine> {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      drop();
    },
    mend() {
      isCut = false;
    },
    async close() {
      isCut = true;
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
