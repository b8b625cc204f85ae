/** A DNS server that misbehaves as a test says: the test decides, per question, which packets go out and when. */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { decode, encode, streamEncode, type Answer, type DecodedPacket, type Packet } from 'dns-packet';

export interface Asked {
  readonly name: string;
  readonly transport: 'udp' | 'tcp';
  /** Milliseconds on performance.now(). */
  readonly at: number;
  readonly question: DecodedPacket;
  /** Sends bytes as they are. */
  raw(bytes: Uint8Array): void;
  /** Sends an answer to this question, changed as given. */
  answer(answers: readonly Answer[], changes?: Partial<Packet> & { rcode?: number }): void;
}

export interface ScriptedServer {
  readonly server: string;
  readonly asked: readonly Asked[];
}

export const ptr = (name: string, data: string, ttl = 60): Answer => ({ type: 'PTR', name, data, ttl });

export async function startScriptedServer(
  t: TestContext,
  onQuestion: (asked: Asked) => void,
): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const take = (bytes: Buffer, transport: 'udp' | 'tcp', send: (bytes: Uint8Array) => void): void => {
    const question = decode(bytes);
    const one: Asked = {
      name: question.questions?.[0]?.name ?? '',
      transport,
      at: performance.now(),
      question,
      raw: send,
      answer(answers, { rcode = 0, ...changes } = {}) {
        const packet: Packet = {
          type: 'response',
          id: question.id ?? 0,
          flags: rcode,
          questions: question.questions ?? [],
          answers: [...answers],
          ...changes,
        };
        send(transport === 'tcp' ? streamEncode(packet) : encode(packet));
      },
    };
    asked.push(one);
    onQuestion(one);
  };

  const { tcp, udp, port } = await bindBoth();
  const open = new Set<Socket>();
  t.after(() => {
    udp.close();
    for (const socket of open) socket.destroy();
    tcp.close();
  });

  udp.on('message', (bytes: Buffer, from: RemoteInfo) => {
    take(bytes, 'udp', (answer) => {
      udp.send(answer, from.port, from.address);
    });
  });
  tcp.on('connection', (socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        take(received.subarray(2), 'tcp', (answer) => socket.write(answer));
      }
    });
  });
  return { server: `127.0.0.1:${port}`, asked };
}

/** One port for both transports; the kernel chooses it for TCP, and for UDP it may be taken. */
async function bindBoth(): Promise<{ tcp: Server; udp: UdpSocket; port: number }> {
  for (let attempt = 0; ; attempt++) {
    const tcp = createServer();
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as { port: number };
    const udp = createSocket('udp4').bind(port, '127.0.0.1');
    try {
      await once(udp, 'listening');
      return { tcp, udp, port };
    } catch (error) {
      tcp.close();
      if (attempt === 5) throw error;
    }
  }
}
