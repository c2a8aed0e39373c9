// The sessions that the tests of searching and the examples of docs/search.md search.

interface Sample {
  session: { id: string } & Record<string, unknown>;
  lists?: Record<string, unknown[]>;
}

export const sample = (): Sample[] => [
  {
    session: {
      id: "login",
      title: "Login error after the update",
      startedAt: new Date("2026-01-05T10:00:00Z"),
      topics: ["login"],
      tags: ["ui", "urgent"],
      category: "bug",
      subCategory: "auth",
      status: "done",
      size: 5,
    },
    lists: {
      notes: [{ text: "A first note" }, { text: "It shows these exact words, each time" }],
      messages: [{ text: "Grüße aus Köln" }, { from: "nobody" }],
      other: [{ text: "unseen" }],
    },
  },
  {
    session: {
      id: "plan",
      title: "Planning the quarter",
      startedAt: new Date("2026-02-10T00:00:00Z"),
      tags: ["team"],
      category: "meeting",
      status: "draft",
      size: 50,
    },
  },
  {
    session: {
      id: "japan",
      title: "日本語の会議",
      startedAt: new Date("2026-03-01T00:00:00Z"),
      tags: ["team", "ui"],
      category: "meeting",
      status: "done",
    },
  },
  {
    session: { id: "call", tags: ["team"], status: "done", size: -1.5, description: "A call to plan the login" },
    lists: { transcript: [{ text: "Hello" }] },
  },
  { session: { id: "bare" } },
];
