// The real Apollo Client with AppSync's auth and subscription links. Prints one JSON object per case.
//
// node apollo.js CASES, a JSON list of {name, url, auth, query, mutation, subscription}; `auth` as the links take it.
// For IAM, Apollo 4's own extension of the request's body has to be off: the auth link signs the body without it.
'use strict'

globalThis.WebSocket = require('ws')
const { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } = require('@apollo/client')
const { createAuthLink } = require('aws-appsync-auth-link')
const { createSubscriptionHandshakeLink } = require('aws-appsync-subscription-link')

const say = (fields) => console.log(JSON.stringify(fields))

async function run({ name: step, url, auth, query, mutation, subscription }) {
  const region = 'us-east-1'
  const http = new HttpLink({ uri: url, enhancedClientAwareness: { transport: false } })
  const link = ApolloLink.from([createAuthLink({ url, region, auth }), createSubscriptionHandshakeLink({ url, region, auth }, http)])
  const client = new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: 'no-cache' } } })
  const asked = await client.query({ query: gql(query) })
  const heard = new Promise((resolve, reject) => {
    client.subscribe({ query: gql(subscription) }).subscribe({ next: ({ data, error }) => (error ? reject(error) : resolve(data)), error: reject })
  })
  // The link does not tell when the subscription is in force.
  const beat = setInterval(() => client.mutate({ mutation: gql(mutation) }).catch(() => {}), 100)
  const event = await heard.finally(() => clearInterval(beat))
  const refused = await client.query({ query: gql('{ nothing }') }).then(() => 'no', ({ message }) => message)
  client.stop()
  return { step, query: asked.data, event, refused }
}

const failed = (step) => (failure) => ({ step, failure: `${failure?.stack ?? failure} ${JSON.stringify(failure?.cause ?? null)}` })
setTimeout(() => process.exit(2), 30_000).unref()
Promise.all(JSON.parse(process.argv[2]).map((each) => run(each).catch(failed(each.name)).then(say))).then(() => process.exit(0))
