/** An app in a process of its own, for benchmarks: tells its URL to the parent and runs until it is ended. */
import { createApp } from '../../src/app/index.js';

const app = await createApp();
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.(url.origin);
