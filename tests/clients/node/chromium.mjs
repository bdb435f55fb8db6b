// Runs the programs of this folder as they are, each in a page of one headless Chromium, a few at once.
//
// node chromium.mjs JOBS AUTHORITIES. JOBS is a JSON list of {name, script, argv, env}. Prints {name, status, lines} for
// each: what it wrote, and the status it ended with. The pages are of an origin of their own, so that every request is
// cross-origin. AUTHORITIES has the file of the development authority by port: the browser trusts the key of the server
// there, once Node has checked it against that.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:tls'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'

const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const SECONDS = 40
const AT_ONCE = 4
const [jobs, authorities] = process.argv.slice(2).map((text) => JSON.parse(text))

/** The hash of a server's public key. */
const key = ([port, authority]) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: 'localhost', port: Number(port), ca: readFileSync(authority) }, () => {
      const der = socket.getPeerX509Certificate().publicKey.export({ type: 'spki', format: 'der' })
      resolve(createHash('sha256').update(der).digest('base64'))
      socket.end()
    })
    socket.on('error', reject)
  })

/** A program for a page: `ws` is the browser's own WebSocket. AppSync's links for Apollo want a Buffer, as in Node. */
const bundle = async (script) => {
  const native = { name: 'native', setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^ws$/ }, () => ({ path: 'ws', namespace: 'native' }))
    onLoad({ filter: /.*/, namespace: 'native' }, () => ({ contents: 'module.exports = globalThis.NativeSocket' }))
  } }
  const contents = `globalThis.Buffer = require('buffer/').Buffer\nrequire('./${script}')`
  const made = await build({ stdin: { contents, resolveDir: '.' }, bundle: true, write: false, platform: 'browser', format: 'iife', define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' }, plugins: [native], logLevel: 'error' })
  return made.outputFiles[0].text
}

const prelude = ({ argv, env }) => `
  globalThis.NativeSocket = WebSocket
  Number.prototype.unref = function () {}
  globalThis.process = { argv: ['node', 'page', ...${JSON.stringify(argv)}], env: ${JSON.stringify(env ?? {})}, exit: (status) => globalThis.ended(status) }
`

async function run(browser, { name, script, argv, env }) {
  const page = await (await browser.newContext()).newPage()
  const lines = []
  page.on('console', (message) => lines.push(message.text()))
  page.on('pageerror', (error) => lines.push(String(error)))
  const ended = new Promise((resolve) => {
    page.exposeFunction('ended', resolve)
    setTimeout(() => resolve('too slow'), SECONDS * 1000).unref()
  })
  await page.goto(`http://localhost:${site.address().port}/`)
  await page.addScriptTag({ content: prelude({ argv, env }) })
  await page.addScriptTag({ content: await bundles[script] })
  const status = await ended
  await page.close()
  console.log(JSON.stringify({ name, status, lines }))
}

const bundles = Object.fromEntries([...new Set(jobs.map(({ script }) => script))].map((script) => [script, bundle(script)]))
const site = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<!doctype html><title>program</title>'))
await new Promise((listening) => site.listen(0, 'localhost', listening))
const keys = await Promise.all(Object.entries(authorities).map(key))
const trusted = `--ignore-certificate-errors-spki-list=${keys.join(',')}`
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...QUIET, trusted] })
try {
  const left = [...jobs]
  const next = async () => { for (let job; (job = left.shift()); ) await run(browser, job) }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
} finally {
  await browser.close()
  site.close()
}
