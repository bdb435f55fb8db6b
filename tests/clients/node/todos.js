// The real aws-amplify on a to-do list that several devices share: events through a handler that stores them, members
// told on an ordinary channel, a policy. node todos.js ENDPOINT API_KEY MODE, modes as in notes.js.
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
Amplify.configure({ API: { Events: { endpoint, region: 'us-east-1', defaultAuthMode: 'apiKey', apiKey } } })

const say = (step, fields) => console.log(JSON.stringify({ step, ...fields }))
const list = `/todos/${mode}`

/** Subscribe, and resolve `all` after `count` events. */
async function listen(step, path, count) {
  const channel = await events.connect(path)
  let left = count
  const all = new Promise((resolve, reject) => {
    channel.subscribe({
      next: ({ event }) => {
        say(step, { event })
        if (--left === 0) resolve()
      },
      error: reject,
    })
  })
  // Amplify tells nobody when a subscription is in force.
  await new Promise((resolve) => setTimeout(resolve, 700))
  return { channel, all }
}

async function main() {
  const members = await listen('members', `${list}/$presence`, 2)
  const phone = await listen('phone', list, 2)
  const laptop = await listen('laptop', list, 2)
  const milk = { id: `${mode}-1`, title: 'Milk' }
  const created = [milk, {}].map((todo) => ({ action: 'TODO_CREATED', todo }))
  say('answer', { failed: await events.post(list, created) })
  say('answer', { failed: await phone.channel.publish({ action: 'TODO_DELETED', todo: milk }) })
  await Promise.all([members.all, phone.all, laptop.all])
  const all = await events.connect('/todos/*')
  await new Promise((resolve) => all.subscribe({ next: () => {}, error: resolve })).then((refusal) => say('refused', { refusal }))
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
