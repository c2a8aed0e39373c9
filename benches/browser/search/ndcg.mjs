const discount = (rank) => 1 / Math.log2(rank + 2);

/** nDCG of a ranking of ids, where a document is relevant or is not. */
export function ndcg(ids, relevant, depth) {
  let gain = 0;
  ids.slice(0, depth).forEach((id, rank) => (gain += relevant.has(id) ? discount(rank) : 0));
  let ideal = 0;
  for (let rank = 0; rank < Math.min(depth, relevant.size); rank++) ideal += discount(rank);
  return ideal ? gain / ideal : 0;
}
