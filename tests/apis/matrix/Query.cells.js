export function request(ctx) {
  const rows = []
  for (const row of [0, 1]) {
    const cells = []
    for (const column of [0, 1]) cells.push(row === column ? { row, column } : null)
    rows.push(cells)
  }
  return { payload: rows }
}
export const response = (ctx) => ctx.result
