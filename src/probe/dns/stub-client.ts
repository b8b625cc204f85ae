/**
 * Asks one DNS server one PTR question: over UDP, and over TCP when the answer did not fit.
 *
 * Node's own resolver would do, but it does not return the time to live of a PTR answer, and addresses of pods change
 * hands within minutes. Every question has a socket of its own, so the kernel picks a port nobody can guess and lets
 * only the asked server answer.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIP } from 'node:net';
import { decode, encode, RECURSION_DESIRED, streamEncode, type DecodedPacket, type Packet } from 'dns-packet';
import { isSameName } from './ptr-answer.js';
import type { DnsServer } from './server-list.js';

/** Fits every path without fragments (DNS flag day 2020). */
const UDP_PAYLOAD_BYTES = 1232;
/** Datagrams that are no answer to our question, before the server is given up. */
const STRAY_DATAGRAMS_MAX = 16;
const LENGTH_BYTES = 2;

/** @throws what the socket throws, AbortError included, or an Error that says why the answer is of no use */
export async function askPtr(name: string, server: DnsServer, signal: AbortSignal): Promise<DecodedPacket> {
  const question: Packet = {
    type: 'query',
    id: randomInt(65_536),
    flags: RECURSION_DESIRED,
    questions: [{ type: 'PTR', name }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: UDP_PAYLOAD_BYTES,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  };
  const answer = await askByUdp(question, server, signal);
  return answer.flag_tc ? askByTcp(question, server, signal) : answer;
}

function askByUdp(question: Packet, server: DnsServer, signal: AbortSignal): Promise<DecodedPacket> {
  const socket = createSocket({ type: isIP(server.host) === 6 ? 'udp6' : 'udp4' });
  socket.unref();
  const answered = new Promise<DecodedPacket>((resolve, reject) => {
    let strays = 0;
    signal.addEventListener('abort', () => {
      reject(reasonOf(signal));
    });
    socket.on('error', reject);
    socket.on('message', (bytes) => {
      const answer = readAnswer(bytes, question);
      if (answer) resolve(answer);
      else if (++strays > STRAY_DATAGRAMS_MAX)
        reject(new Error(`${server.host} answers with something else`));
    });
    // With a callback there is no 'error' event for it: no route, no such family, a broadcast address.
    const ask = (refusal?: Error): void => {
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      try {
        socket.send(encode(question), (error) => {
          if (error) reject(error);
        });
      } catch (error) {
        reject(errorOf(error));
      }
    };
    socket.connect(server.port, server.host, ask);
  });
  return answered.finally(() => {
    socket.close();
  });
}

function askByTcp(question: Packet, server: DnsServer, signal: AbortSignal): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.host, port: server.port, signal });
    const received: Buffer[] = [];
    let length = 0;
    socket.unref();
    socket.on('error', reject);
    socket.once('close', () => {
      reject(new Error(`${server.host} closed before its answer was complete`));
    });
    socket.once('connect', () => socket.write(streamEncode(question)));
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      length += chunk.length;
      if (length < LENGTH_BYTES) return;
      const bytes = Buffer.concat(received);
      const end = LENGTH_BYTES + bytes.readUInt16BE(0);
      if (length < end) return;
      const answer = readAnswer(bytes.subarray(LENGTH_BYTES, end), question);
      if (answer) resolve(answer);
      else reject(new Error(`${server.host} answers with something else`));
      socket.destroy();
    });
  });
}

/** Undefined when the bytes are no answer to that very question. */
function readAnswer(bytes: Buffer, question: Packet): DecodedPacket | undefined {
  let packet: DecodedPacket;
  try {
    packet = decode(bytes);
  } catch {
    return undefined;
  }
  const [asked] = question.questions ?? [];
  const [answered] = packet.questions ?? [];
  if (packet.type !== 'response' || packet.id !== question.id) return undefined;
  return asked && answered?.type === asked.type && isSameName(answered.name, asked.name) ? packet : undefined;
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('given up');
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
