import type { ComponentChildren } from "preact";

/** A row of a table of figures. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="figure">{children}</td>
    </tr>
  );
}
