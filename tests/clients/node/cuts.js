// The real aws-amplify, subscribed while its network fails again and again. Prints each event's number.
//
// node cuts.js ENDPOINT API_KEY COUNT stock|mended graphql|events ws|plain|native: COUNT subscriptions on one connection. Amplify
// is as it is; only its pauses between two attempts are shortened, so that a test can afford hundreds of them.
//
// ws, plain: sockets of the package ws, over TLS or not (amplify itself always dials wss). native: Node's own, which keep to
// the browsers' standard: once close() was called, what still arrives is dropped.
//
// mended: without its one timer that makes it stop for good. AWSWebSocketProvider._initiateHandshake (api-graphql
// 4.10.1) never clears the 15 s timer of a handshake whose connection was lost before connection_ack. When it fires, it
// records CONNECTION_FAILED, that is "no connection is intended", whatever the connection is by then; the next loss is
// then no disruption to ConnectionStateMonitor, and ReconnectionMonitor is not started again.
'use strict'

const Socket = require('ws')
const [endpoint, apiKey, count, which, kind, sockets] = process.argv.slice(2)
const stale = (run) => which === 'mended' && String(run).includes('checkAckOk')
// Its minute between two attempts is when it starts everything again that was not acknowledged: were that shorter than a
// starved machine takes to acknowledge, it would write over connections that were lost meanwhile, as it never does.
const shorter = (ms) => (ms >= 500 && ms <= 60_000 && ms !== 15_000 && ms !== 30_000 ? ms / (ms === 60_000 ? 10 : 100) : ms)
for (const name of ['setTimeout', 'setInterval']) {
  const original = globalThis[name]
  globalThis[name] = (run, ms, ...more) => original(stale(run) ? () => {} : run, shorter(ms), ...more)
}
class Plain extends Socket {
  constructor(url, protocols) {
    super(url.replace('wss:', 'ws:'), protocols)
  }
}
if (sockets !== 'native') globalThis.WebSocket = sockets === 'plain' ? Plain : Socket

const { Amplify } = require('aws-amplify')
const { generateClient } = require('aws-amplify/api')
const { events } = require('aws-amplify/data')
const { Hub } = require('aws-amplify/utils')

const say = (fields) => console.log(JSON.stringify(fields))
const api = { endpoint, region: 'us-east-1', defaultAuthMode: 'apiKey', apiKey }
Amplify.configure({ API: kind === 'events' ? { Events: api } : { GraphQL: api } })
Hub.listen('api', ({ payload }) => {
  if (payload.event === 'Subscription ack') say({ ack: true })
  if (payload.data?.connectionState) say({ state: payload.data.connectionState })
})
const client = kind === 'events' ? undefined : generateClient()
for (let n = 0; n < Number(count); n++) {
  const follow = async () => {
    const channel = await events.connect(`/default/cuts/${n}`)
    channel.subscribe({
      next: ({ event }) => say({ of: n, text: event }),
      error: (failure) => say({ of: n, failure: failure?.errors ?? String(failure) }),
    })
  }
  const open = () => {
    client.graphql({ query: 'subscription OnTell { onTell { id text } }' }).subscribe({
      next: ({ data }) => say({ of: n, text: data.onTell.text }),
      error: (failure) => say({ of: n, failure: failure?.errors ?? String(failure) }),
      complete: () => say({ of: n, complete: true }),
    })
  }
  if (kind === 'events') follow()
  else open()
}
