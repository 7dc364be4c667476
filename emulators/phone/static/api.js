// Calls of the page to its own server; an error is a sentence that may be shown.

export async function read(path) {
  return answer(await reach(path, { cache: "no-store" }));
}

export async function tell(path, data = {}) {
  const headers = { "Content-Type": "application/json" };
  return answer(await reach(path, { method: "POST", headers, body: JSON.stringify(data) }));
}

export const customerPath = (key, rest) => `/api/customers/${key}/${rest}`;

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Error("このページのサーバーに届きません。起動しているかご確認ください。");
  }
}

async function answer(response) {
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(data.error || `エラー ${response.status}`);
  return data;
}
