/** pending-connect ADDRESS PORT: starts a connect that nobody answers, says so, and stays. */
import { connect } from 'node:net';

const [address = '', port = ''] = process.argv.slice(2);
connect(Number(port), address).on('error', () => undefined);
// The connect() call is made in the next turn of the event loop.
setImmediate(() => {
  setImmediate(() => {
    process.stdout.write('connecting\n');
  });
});
setInterval(() => undefined, 1000);
