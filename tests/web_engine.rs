//! The surface that the npm package calls, called as JavaScript calls it: shapes in, shapes out, order, and errors as plain
//! objects. What the engine does with it all is tested natively.

#![cfg(target_arch = "wasm32")]

use hoardb::web::Engine;
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Runs a script on an engine; it answers a text. It has `engine` (an object with the methods of [`Engine`]), `text(value)`
/// for a document without attachments, `texts(values)` for several, `parse(bytes)`, and `error(promise)`, which answers
/// with what was thrown.
async fn script(body: &str) -> String {
    let options = js_sys::Object::new();
    let name = format!("engine {}", js_sys::Math::random());
    Reflect::set(&options, &"name".into(), &name.as_str().into()).expect("a field");
    script_with(options.into(), body).await
}

/// An engine that reports to nobody and is in one piece.
fn open(options: JsValue) -> Promise {
    let nobody = || JsValue::UNDEFINED;
    Engine::open(options.unchecked_into(), nobody().unchecked_into(), nobody().unchecked_into())
}

async fn script_with(options: JsValue, body: &str) -> String {
    let engine = open(options).await.expect("the hoard opens");
    let body = format!(
        "const encode = value => new TextEncoder().encode(value);
         const text = (value, attachments = []) => ({{ json: encode(JSON.stringify(value)), attachments }});
         const texts = (values, attachments = []) => {{
             const parts = values.map(value => encode(JSON.stringify(value)));
             return {{
                 json: encode(values.map(value => JSON.stringify(value)).join('')),
                 lengths: Uint32Array.from(parts, part => part.length), attachments,
             }};
         }};
         const parse = bytes => JSON.parse(new TextDecoder().decode(bytes));
         // The writes of these tests have no number, and are acknowledged when they are committed.
         const writes = ['create', 'put', 'update', 'delete', 'save', 'append', 'set'];
         const engine = new Proxy(raw, {{
             get: (raw, name) => (...given) =>
                 raw[name](...given, ...(writes.includes(name) ? [0, 1] : name === 'attach' ? [1] : [])),
         }});
         const error = promise => promise.then(() => 'nothing', thrown => thrown);
         return (async () => {{ {body} }})();"
    );
    let promise: Promise =
        Function::new_with_args("raw", &body).call1(&JsValue::NULL, &engine).expect("the script runs").unchecked_into();
    let answer = JsFuture::from(promise).await;
    answer.unwrap_or_else(|thrown| panic!("{thrown:?}")).as_string().expect("the script answers a text")
}

#[wasm_bindgen_test]
async fn documents_go_in_and_come_out() {
    let answer = script(
        "await engine.create('a', text({ id: 'a', title: 'First é' }));
         await engine.put('b', text({ id: 'b', n: 1 }));
         await engine.update('b', text({ n: 2 }), ['gone']);
         const { json, tables } = await engine.get(['b', 'none', 'a']);
         return JSON.stringify([parse(json), tables, json.byteLength === json.buffer.byteLength, await engine.count()]);",
    )
    .await;
    assert_eq!(answer, r#"[[{"id":"b","n":2},null,{"id":"a","title":"First é"}],null,true,2]"#);
}

#[wasm_bindgen_test]
async fn writes_take_effect_in_the_order_of_the_calls_and_reads_see_them() {
    let answer = script(
        "engine.create('a', text({ id: 'a' }));
         const indexes = [];
         for (let n = 0; n < 120; n++) indexes.push(engine.append('a', 'notes', texts([{ n }])));
         const chunks = await engine.read('a', 'notes', 0, Infinity, Infinity);
         const items = chunks.flatMap(({ json }) => parse(json));
         const [stat] = await engine.lists('a');
         return JSON.stringify([
             items.every(({ n }, index) => n === index), items.length, (await Promise.all(indexes)).slice(-2),
             chunks[0].first, chunks[0].attachments, chunks[0].error, stat.name, stat.items,
         ]);",
    )
    .await;
    assert_eq!(answer, r#"[true,120,[118,119],0,null,null,"notes",120]"#);
}

#[wasm_bindgen_test]
async fn attachments_go_in_and_come_out() {
    let answer = script(
        "const bytes = Uint8Array.from({ length: 20000 }, (_, n) => n);
         const { hash, size, type } = await engine.attach({ type: 'image/png', bytes });
         const shot = { at: 1, image: { $attachment: 0 } };
         await engine.save('a', text({ id: 'a' }), [{ name: 'shots', items: texts([shot], [{ hash }]) }]);
         await engine.append('a', 'shots', texts([shot], [{ type: 'image/png', bytes }]));
         const chunks = await engine.read('a', 'shots', 0, 2, 1e6);
         const part = await engine.readAttachment(hash, 10, 13);
         const stat = await engine.stat(hash);
         const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
         return JSON.stringify([
             hash === [...digest].map(byte => byte.toString(16).padStart(2, '0')).join(''), size, type,
             chunks.flatMap(({ json }) => parse(json)).length, chunks[0].attachments[0].hash === hash,
             [...part], part.buffer.byteLength, stat.references, stat.encoding, (await engine.stats(false)).savedByDeduplication,
         ]);",
    )
    .await;
    assert_eq!(answer, r#"[true,20000,"image/png",2,true,[10,11,12],3,2,"identity",20000]"#);
}

#[wasm_bindgen_test]
async fn uploads_take_pieces() {
    let answer = script(
        "const upload = await engine.uploadBegin();
         for (let n = 0; n < 3; n++) await engine.uploadPart(upload, new Uint8Array(700000).fill(n));
         const { hash, size } = await engine.uploadFinish(upload, 'audio/webm');
         const middle = await engine.readAttachment(hash, 699999, 700001);
         const other = await engine.uploadBegin();
         await engine.uploadCancel(other);
         const codes = [];
         for (const name of [upload, other, 'nonsense', '']) codes.push((await error(engine.uploadPart(name, middle))).code);
         return JSON.stringify([size, [...middle], codes]);",
    )
    .await;
    assert_eq!(answer, r#"[2100000,[0,1],["NotFound","NotFound","NotFound","NotFound"]]"#);
}

#[wasm_bindgen_test]
async fn sessions_are_listed_by_pages() {
    let answer = script(
        "for (let n = 0; n < 5; n++) engine.put('s' + n, text({ id: 's' + n, rank: 9 - n }));
         const first = await engine.list({ limit: 3 });
         const rest = await engine.list({ limit: 3, after: first.next });
         const ranked = await engine.list({ limit: 2, orderBy: 'rank', reverse: true });
         const ids = page => parse(page.json).map(({ id }) => id);
         return JSON.stringify([ids(first), ids(rest), rest.next, ids(ranked), first.tables, first.damaged]);",
    )
    .await;
    assert_eq!(answer, r#"[["s0","s1","s2"],["s3","s4"],null,["s0","s1"],null,[]]"#);
}

#[wasm_bindgen_test]
async fn errors_are_plain_objects_and_rejections() {
    let answer = script(
        "await engine.create('a', text({ id: 'a' }));
         const taken = await error(engine.create('a', text({ id: 'a' })));
         const codes = [];
         for (const promise of [
             engine.append('none', 'l', texts([1])), engine.lists('none'), engine.stat('ff'.repeat(32)), engine.stat('ff'),
             engine.create('', text({})), engine.create('\\ud800', text({})), engine.create('a\\0', text({})),
             engine.get(['ok', '\\udfff x']), engine.append('a', '\\ud800', texts([1])), engine.set('a', 'l', -1, text(1)),
             engine.set('a', 'l', 0.5, text(1)), engine.set('a', 'l', 0, text(1)), engine.read('a', 'l', NaN, 1, 1),
             engine.create('b', { json: 'text', attachments: [] }), engine.create('b', { json: new Uint8Array(1) }),
             engine.create('b', text([1])), engine.append('a', 'l', { ...texts([1]), lengths: [1] }),
             engine.attach({ bytes: new Uint8Array(1) }), engine.attach({ hash: 5 }), engine.list({}), engine.list({ limit: -1 }),
         ]) codes.push((await error(promise)).code);
         return JSON.stringify([taken, Object.getPrototypeOf(taken) === Object.prototype, codes, await engine.count()]);",
    )
    .await;
    let expected = concat!(
        r#"[{"code":"AlreadyExists","message":"session \"a\" already exists; use put or update to change it","#,
        r#""retryable":false,"needsReload":false},true,"#,
        r#"["NotFound","NotFound","NotFound","InvalidArgument","InvalidId","InvalidId","InvalidId","InvalidId","InvalidId","#,
        r#""InvalidArgument","InvalidArgument","NotFound","InvalidArgument","InvalidArgument","InvalidArgument","#,
        r#""InvalidArgument","InvalidArgument","InvalidArgument","InvalidArgument","InvalidArgument","InvalidArgument"],1]"#,
    );
    assert_eq!(answer, expected);
}

/// A replacement character that the caller wrote is a character like any other; `"\ud800"` is not turned into one.
#[wasm_bindgen_test]
async fn ids_keep_every_character() {
    let answer = script(
        "const ids = ['\\ufffd', '😀', 'é', '__proto__', 'a/b\\\\c'];
         for (const id of ids) await engine.create(id, text({ id }));
         const { json } = await engine.get(ids);
         return JSON.stringify(parse(json).map(({ id }) => id)) === JSON.stringify(ids) ? 'equal' : 'not equal';",
    )
    .await;
    assert_eq!(answer, "equal");
}

#[wasm_bindgen_test]
async fn jobs_run_step_by_step_and_can_be_cancelled() {
    let answer = script(
        "await engine.attach({ type: '', bytes: new Uint8Array(5) });
         const run = async job => { for (;;) { const step = await job.step(); if (step.done) return step; } };
         const { report } = await run(engine.collect({ graceMs: 0, dryRun: false }));
         const verified = await run(engine.verify({ full: true }));
         const job = engine.verify({});
         const first = job.step();
         const second = await error(job.step());
         await first;
         job.cancel();
         const third = await error(job.step());
         let options;
         try { engine.verify({ full: 'yes' }); } catch (thrown) { options = thrown.code; }
         return JSON.stringify([report.dryRun, report.uploads, verified.report.clean, verified.report.full, typeof verified.progress.phase,
             second.code, third.code, options]);",
    )
    .await;
    assert_eq!(answer, r#"[false,0,true,true,"string","InvalidArgument","Cancelled","InvalidArgument"]"#);
}

#[wasm_bindgen_test]
async fn a_closed_engine_says_so() {
    let answer = script(
        "const last = engine.put('a', text({ id: 'a' }));
         await engine.close();
         await last;
         const codes = [];
         for (const promise of [engine.put('b', text({ id: 'b' })), engine.count(), engine.flush(), engine.verify({}).step()])
             codes.push((await error(promise)).code);
         return JSON.stringify(codes);",
    )
    .await;
    assert_eq!(answer, r#"["Closed","Closed","Closed","Closed"]"#);
}

#[wasm_bindgen_test]
async fn options_are_checked() {
    for options in [
        "{}",
        "{ name: 5 }",
        "{ name: 'x', durability: 'maybe' }",
        "{ name: 'x', chunkItems: -1 }",
        "{ name: 'x', chunkItems: 0 }",
    ] {
        let options = js_sys::eval(&format!("({options})")).expect("an object");
        let thrown = open(options).await.expect_err("it is refused");
        let code = Reflect::get(&thrown, &"code".into()).expect("a field");
        assert_eq!(code.as_string().as_deref(), Some("InvalidArgument"));
    }
    let name = format!("options {}", js_sys::Math::random());
    let options = format!("({{ name: '{name}', durability: 'strict', chunkItems: 2, chunkBytes: 1024, graceMs: 5 }})");
    let options = js_sys::eval(&options).expect("an object");
    let answer = script_with(
        options,
        "await engine.save('a', text({ id: 'a' }), [{ name: 'l', items: texts([1, 2, 3, 4]) }]);
         await engine.flush();
         return String((await engine.lists('a'))[0].chunks);",
    )
    .await;
    assert_eq!(answer, "2");
}
