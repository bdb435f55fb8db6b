export const request = (ctx) => ({ payload: [`${ctx.source.row}`, `${ctx.source.column}`] })
export const response = (ctx) => ctx.result
