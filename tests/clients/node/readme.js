// The README's example for JavaScript, word for word.

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { delimiter, dirname, join } = require('node:path');
const { run } = require('./tenant');

async function test_example() {
  process.env.PATH = dirname(process.env.COUNTERSIGN) + delimiter + process.env.PATH;
  const readme = readFileSync(join(__dirname, '../../../README.md'), 'utf8');
  const [, example] = readme.match(/```js\n(.*?)```/s);
  const tenant = new Function('require', `${example}; return tenant;`)(require);
  const at = await tenant();
  assert.equal(at.issuer, `${at.url}/`);
  assert.deepEqual(await (await fetch(`${at.control}/outbox`)).json(), []);
  at.stop();
}

run({ test_example });
