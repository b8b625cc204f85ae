/** Where this installation lies: the folder with package.json and build/. Compiled code is in build/src/cli. */
import { fileURLToPath } from 'node:url';

export const PROJECT_ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
