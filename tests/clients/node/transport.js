// The real Apollo client over Apollo's older subscriptions-transport-ws on the notes API. Prints one JSON object per step.
//
// node transport.js ENDPOINT API_KEY
'use strict'

const { ApolloClient, InMemoryCache, gql } = require('@apollo/client')
const { WebSocketLink } = require('@apollo/client/link/ws')
const { SubscriptionClient } = require('subscriptions-transport-ws')
const Socket = require('ws')

const [endpoint, apiKey] = process.argv.slice(2)
const say = (step, fields) => console.log(JSON.stringify({ step, ...fields }))
const id = `transport-${Math.random()}`
const variables = (text) => ({ id, text })
const TELL = gql`mutation T($id: ID!, $text: String!) { tell(id: $id, text: $text) { id text } }`
const socket = (key, options) =>
  new SubscriptionClient(endpoint.replace('http', 'ws'), { connectionParams: { 'x-api-key': key }, minTimeout: 10_000, ...options }, Socket)

async function main() {
  const transport = socket(apiKey, { reconnect: true })
  const client = new ApolloClient({ link: new WebSocketLink(transport), cache: new InMemoryCache() })
  const tell = (text) => client.mutate({ mutation: TELL, variables: variables(text) })
  say('query', { data: (await client.query({ query: gql`{ echo(text: "hello") }` })).data })
  const heard = []
  const waiting = new Map()
  const until = (count) => new Promise((resolve) => waiting.set(count, resolve))
  const [three, four] = [until(3), until(4)]
  const listening = client.subscribe({ query: gql`subscription { onTell { id text } }` }).subscribe({
    next: ({ data }) => data.onTell.id === id && waiting.get(heard.push(data.onTell.text))?.(),
    error: (failure) => say('failure', { failure: String(failure) }),
  })
  await new Promise((resolve) => setTimeout(resolve, 400))
  for (const text of ['one', 'two', 'three']) await tell(text)
  await three
  const again = new Promise((resolve) => transport.onReconnected(resolve))
  transport.close(false)
  await again
  await new Promise((resolve) => setTimeout(resolve, 400))
  await tell('four')
  await four
  say('heard', { heard })
  listening.unsubscribe()
  await client.query({ query: gql`{ nothing }` }).catch((failure) => say('refused', { errors: failure.cause }))
  transport.close()
  const stranger = socket('no', { reconnect: false, connectionCallback: (failure) => say('stranger', failure) })
  await new Promise((resolve) => stranger.onDisconnected(resolve))
}

setTimeout(() => process.exit(2), 25_000).unref()
main().then(() => process.exit(0), (failure) => {
  say('failure', { failure: String(failure?.stack ?? JSON.stringify(failure)) })
  process.exit(1)
})
