/** Sockets of this process with which anything can be done, at random: listeners, connections to them, what these send. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Move {
  readonly what: 'listen' | 'unlisten' | 'open' | 'send' | 'end' | 'reset' | 'brief';
  /** Chooses the socket. */
  readonly pick: number;
  readonly bytes: number;
}

interface Connection {
  readonly client: Socket;
  readonly served: Socket;
}

const MOST_LISTENERS = 4;

export class SocketPlayground {
  readonly #ports = new Set<number>();
  readonly #servers: Server[] = [];
  readonly #connections: Connection[] = [];

  /** Whether a socket with these ports is one that a move made. */
  isOwn(localPort: number, remotePort: number): boolean {
    return this.#ports.has(localPort) || this.#ports.has(remotePort);
  }

  /** Resolves when both ends have seen it. A move that there is no socket for does nothing. */
  async make({ what, pick, bytes }: Move): Promise<void> {
    const at = pick % Math.max(1, this.#connections.length);
    const connection = this.#connections[at];
    if (what === 'listen') await this.#listen();
    else if (what === 'unlisten') this.#unlisten(pick);
    else if (what === 'open' || what === 'brief') await this.#open(pick, what === 'brief');
    else if (connection === undefined) return;
    else if (what === 'send') await send(pick % 2 === 0 ? connection : turned(connection), bytes);
    else {
      this.#connections.splice(at, 1);
      await close(connection, what === 'reset');
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#connections.splice(0)) await close(connection, true);
    while (this.#servers.length > 0) this.#unlisten(0);
  }

  async #listen(): Promise<void> {
    if (this.#servers.length >= MOST_LISTENERS) return;
    const server = createServer({ allowHalfOpen: false });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    this.#ports.add((server.address() as AddressInfo).port);
    this.#servers.push(server);
  }

  #unlisten(pick: number): void {
    const [server] = this.#servers.splice(pick % Math.max(1, this.#servers.length), 1);
    server?.close();
  }

  async #open(pick: number, isBrief: boolean): Promise<void> {
    const server = this.#servers[pick % Math.max(1, this.#servers.length)];
    if (server === undefined) return;
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [[served]] = await Promise.all([accepted, once(client, 'connect')]);
    for (const socket of [client, served]) socket.on('error', () => undefined); // a reset is one of the moves
    client.resume();
    served.resume();
    if (isBrief) await close({ client, served }, false);
    else this.#connections.push({ client, served });
  }
}

function turned({ client, served }: Connection): Connection {
  return { client: served, served: client };
}

async function send({ client, served }: Connection, bytes: number): Promise<void> {
  const before = served.bytesRead;
  client.write(Buffer.alloc(bytes));
  while (served.bytesRead < before + bytes) await once(served, 'data');
}

async function close({ client, served }: Connection, isReset: boolean): Promise<void> {
  const closed = Promise.all([client, served].map(closeOf));
  if (isReset) client.resetAndDestroy();
  else client.end();
  await closed;
}

/** `once` would reject with a reset. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}
