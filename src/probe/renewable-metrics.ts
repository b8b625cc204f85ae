/** The probe's server of metrics and health, which can be put out of use and opened again at the same address. */
import type { SelfServer } from './self/index.js';
import type { ProbeSettings } from './settings.js';
import { serveMetrics, type WatchedProbe } from './watched-parts.js';

export class RenewableMetrics {
  #server: SelfServer | undefined;
  #isClosed = false;

  private constructor(private readonly probe: WatchedProbe) {}

  /**
   * @param isDefault nobody asked for this address: when it is taken, the probe goes without
   * @throws ProbeError when the address can't be listened on
   */
  static async start(
    listen: ProbeSettings['metrics'],
    isDefault: boolean,
    probe: WatchedProbe,
  ): Promise<RenewableMetrics> {
    const metrics = new RenewableMetrics(probe);
    const part = { name: 'metrics', restart: () => metrics.#renew() };
    metrics.#server = await probe.surroundings.supervise(part, () => serveMetrics(listen, isDefault, probe));
    return metrics;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#server?.close();
  }

  async #renew(): Promise<void> {
    const before = this.#server;
    if (before === undefined || this.#isClosed) return;
    await before.close();
    const { hostname, port } = before.url;
    const listen = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
    this.#server = await serveMetrics(listen, false, this.probe);
  }
}
