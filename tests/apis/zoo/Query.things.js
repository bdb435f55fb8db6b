export const request = (ctx) => ({ payload: ['Stone', 'Cat', 'Dog'].map((each, n) => ({ __typename: each, name: `n${n}`, weight: n + 0.5, lives: n })) })
export const response = (ctx) => [...ctx.result, null]
