// The real aws-amplify on an Event API: subscriptions, publishing over HTTP and over the socket, a refusal.
//
// node events.js ENDPOINT API_KEY MODE, modes as in notes.js.
'use strict'

const Socket = require('ws')
const [endpoint, apiKey, mode] = process.argv.slice(2)

globalThis.WebSocket =
  mode === 'shim'
    ? class extends Socket {
        constructor(url, protocols) {
          super(url.replace('wss://', 'ws://'), protocols)
        }
      }
    : Socket

const { Amplify } = require('aws-amplify')
const { events } = require('aws-amplify/data')

const say = (step, fields) => console.log(JSON.stringify({ step, ...fields }))
const Events = { endpoint, region: 'us-east-1', defaultAuthMode: mode === 'iam' ? 'iam' : 'apiKey', apiKey }
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
}
const credentialsProvider = {
  getCredentialsAndIdentityId: async () => ({ credentials, identityId: '' }),
  clearCredentialsAndIdentityId: () => {},
}
Amplify.configure({ API: { Events } }, { Auth: { credentialsProvider } })

/** Subscribe, say what comes, and resolve `all` after `count` events. */
async function listen(step, path, count) {
  const channel = await events.connect(path)
  let done
  const all = new Promise((resolve) => (done = resolve))
  let left = count
  const opened = new Promise((resolve, reject) => {
    channel.subscribe({
      next: ({ event }) => {
        say(step, { event })
        if (--left === 0) done()
      },
      error: (failure) => reject(failure),
    })
    // Amplify tells nobody when a subscription is in force; the channel's own publications tell.
    setTimeout(resolve, 700)
  })
  await opened
  return { channel, all }
}

async function main() {
  const room = `/default/amplify-${mode}/room`
  const direct = await listen('event', room, 4)
  const below = await listen('wildcard', `/default/amplify-${mode}/*`, 4)
  say('posted', await events.post(room, [{ i: 1 }, { i: 2 }]))
  say('posted', await events.post(room, 'é\u2028<&>'))
  say('published', await direct.channel.publish({ i: 4 }))
  await Promise.all([direct.all, below.all])
  await events.post('/nowhere/x', 1).catch((refusal) => say('refusal', { message: refusal.message || String(refusal) }))
  direct.channel.close()
  below.channel.close()
  say('done')
}

setTimeout(() => process.exit(2), 25_000).unref()
main().then(
  () => process.exit(0),
  (failure) => {
    say('failure', { message: String(failure?.message ?? failure), errors: failure?.errors })
    process.exit(1)
  },
)
