// Netlink sockets in any network namespace. Options are checked here, before native code sees them.
import { requireAddon } from '../addon.js';

export { AddonUnavailableError } from '../errors.js';

const MIN_RECEIVE_BYTES = 64 * 1024;
const MAX_RECEIVE_BYTES = 1 << 30;
const BPF_INSTRUCTION_BYTES = 8;
const MAX_BPF_INSTRUCTIONS = 64;

function checkedOptions({ protocol, groups = [], netnsPath = '', receiveBytes = 0, filter }) {
  const program = filter ?? new Uint8Array(0);
  if (!Number.isInteger(protocol) || protocol < 0 || protocol > 31)
    throw new RangeError(`protocol must be a netlink protocol (0 to 31), not ${protocol}`);
  if (!groups.every((group) => Number.isInteger(group) && group > 0))
    throw new RangeError(`groups must be netlink group numbers, not ${groups.join(', ')}`);
  if (!Number.isInteger(receiveBytes) || receiveBytes < 0 || receiveBytes > MAX_RECEIVE_BYTES)
    throw new RangeError(
      `receiveBytes must be a whole number up to ${MAX_RECEIVE_BYTES}, not ${receiveBytes}`,
    );
  if (
    program.byteLength % BPF_INSTRUCTION_BYTES !== 0 ||
    program.byteLength > MAX_BPF_INSTRUCTIONS * BPF_INSTRUCTION_BYTES
  )
    throw new RangeError(
      `filter must be at most ${MAX_BPF_INSTRUCTIONS} classic BPF instructions of 8 bytes`,
    );
  return { protocol, groups: [...groups], netnsPath, receiveBytes, filter: program };
}

class NetlinkSocket {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  async send(request) {
    await requireAddon().sendNetlink(this.#handle, request);
  }

  async receive(maxBytes) {
    if (!Number.isInteger(maxBytes) || maxBytes < MIN_RECEIVE_BYTES || maxBytes > MAX_RECEIVE_BYTES)
      throw new RangeError(
        `maxBytes must be a whole number from ${MIN_RECEIVE_BYTES} to ${MAX_RECEIVE_BYTES}, not ${maxBytes}`,
      );
    return requireAddon().receiveNetlink(this.#handle, maxBytes);
  }

  async close() {
    await requireAddon().closeNetlink(this.#handle);
  }

  static async ready(sockets) {
    return requireAddon().readyNetlink(sockets.map((socket) => socket.#handle));
  }
}

export async function netlinkReady(sockets) {
  return NetlinkSocket.ready(sockets);
}

export async function openNetlink(options) {
  const checked = checkedOptions(options);
  return new NetlinkSocket(await requireAddon().openNetlink(checked));
}
