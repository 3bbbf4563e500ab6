use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Answer, Call, Host, Permission, Program, Slot, fingerprint, python_syntax};

fn host(dir: &std::path::Path) -> Host {
    Host::new(
        Permission::Everything,
        CancellationToken::new(),
        dir.to_owned(),
    )
}
fn program(code: &str) -> Program {
    Program {
        code: code.into(),
        handler: "lambda_function.lambda_handler".to_owned(),
        name: "enrich".to_owned(),
        region: "us-east-1".to_owned(),
        memory_mb: 256,
        seed: 7,
    }
}
fn call(event: Value) -> Call {
    Call {
        event,
        request: "r-1".to_owned(),
        now_ms: 1_767_571_200_000,
        timeout_seconds: 3,
    }
}
/// Calls `code` once in an environment of its own.
fn run(code: &str, event: Value) -> Answer {
    let dir = tempfile::tempdir().unwrap();
    let slot = Slot::default();
    slot.call(&host(dir.path()), &program(code), &call(event))
        .unwrap()
}
fn handler(body: &str) -> String {
    let lines: Vec<String> = body.lines().map(|l| format!("    {l}\n")).collect();
    format!(
        "import json, os, sys, time\ndef lambda_handler(event, context):\n{}",
        lines.concat()
    )
}

#[test]
fn handler_gets_the_event_and_its_value_comes_back() {
    for (body, event, expected) in [
        (
            "return event",
            json!({"a": [1, null, "ü"]}),
            json!({"a": [1, null, "ü"]}),
        ),
        ("return None", json!(1), Value::Null),
        (
            "return context.function_name, context.memory_limit_in_mb",
            json!(0),
            json!(["enrich", "256"]),
        ),
        (
            "return context.get_remaining_time_in_millis()",
            json!(0),
            json!(3000),
        ),
        (
            "import datetime\nreturn datetime.datetime.now().isoformat(), time.time()",
            json!(0),
            json!(["2026-01-05T00:00:00", 1_767_571_200.0]),
        ),
        (
            "return dict(os.environ).get('HOME'), os.listdir('.')",
            json!(0),
            json!([null, []]),
        ),
        (
            "return sorted({'b', 'a'}), sys.argv[1:]",
            json!(0),
            json!([["a", "b"], []]),
        ),
    ] {
        let answer = run(&handler(body), event);
        assert_eq!(answer.result, Ok(expected), "{body}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn failures_have_the_names_of_aws_and_a_traceback() {
    let cases = [
        (
            handler("return event['x']"),
            "KeyError",
            "'x'",
            "line 3, in lambda_handler",
        ),
        (
            "import nothing_like_it".to_owned(),
            "Runtime.ImportModuleError",
            "No module named",
            "line 1",
        ),
        (
            "def lambda_handler(:\n".to_owned(),
            "Runtime.UserCodeSyntaxError",
            "line 1",
            "",
        ),
        (
            "def other(a, b): pass".to_owned(),
            "Runtime.HandlerNotFound",
            "missing on module 'lambda_function'",
            "",
        ),
        (
            "1 / 0".to_owned(),
            "ZeroDivisionError",
            "division",
            "line 1",
        ),
        (
            handler("return {1, 2}"),
            "Runtime.MarshalError",
            "set is not JSON",
            "",
        ),
        (
            handler("sys.exit(3)"),
            "Runtime.ExitError",
            "exit status 3",
            "",
        ),
        (
            handler("os._exit(1)"),
            "Runtime.ExitError",
            "without providing a reason",
            "",
        ),
        (
            handler("return 'x' * (7 << 20)"),
            "Function.ResponseSizeTooLarge",
            "exceeded",
            "",
        ),
        (
            handler("time.sleep(5)"),
            "Sandbox.Timedout",
            "Task timed out after 3.00 seconds",
            "",
        ),
        (
            handler("raise RuntimeError('a' * 9000)"),
            "RuntimeError",
            "aaa",
            "line 3",
        ),
        (
            handler("def f(n): return f(n + 1)\nreturn f(0)"),
            "RecursionError",
            "recursion",
            "line 3",
        ),
    ];
    for (code, kind, message, place) in cases {
        let failed = run(&code, json!({})).result.unwrap_err();
        assert_eq!(failed.kind, kind, "{code}: {failed}");
        assert!(failed.message.contains(message), "{code}: {failed}");
        assert!(failed.stack.concat().contains(place), "{code}: {failed}");
        assert!(failed.message.len() <= 2000 && failed.stack.len() <= 20);
    }
}

#[test]
fn handler_that_hangs_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let slot = Slot::default();
    let hangs = Call {
        timeout_seconds: 1,
        ..call(json!({}))
    };
    let answer = slot.call(
        &host(dir.path()),
        &program(&handler("while True: pass")),
        &hangs,
    );
    assert_eq!(answer.unwrap().result.unwrap_err().kind, "Sandbox.Timedout");
}

#[test]
fn stopping_the_run_ends_a_handler_that_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    let host = Host::new(
        Permission::Everything,
        cancel.clone(),
        dir.path().to_owned(),
    );
    let program = program(&handler("while True: pass"));
    let long = Call {
        timeout_seconds: 900,
        ..call(json!({}))
    };
    std::thread::scope(|s| {
        let ended = s.spawn(|| Slot::default().call(&host, &program, &long));
        std::thread::sleep(Duration::from_millis(300));
        cancel.cancel();
        assert!(ended.join().unwrap().unwrap_err().contains("stopped"));
    });
}

#[test]
fn what_a_handler_prints_breaks_nothing_and_is_kept() {
    let body = "print('one'); sys.stderr.write('two\\n'); os.write(1, b'\\x00\\x00\\x00\\x05rubbish'); os.write(2, b'x')\nsys.__stdout__.write('three'); print('z' * 100000)\nreturn 1";
    let answer = run(&handler(body), json!({}));
    assert_eq!(answer.result, Ok(json!(1)));
    assert!(answer.log.starts_with("one\ntwo\n") && answer.log.len() <= 4096);
}

#[test]
fn frames_that_are_broken_on_purpose_end_the_environment_only() {
    for written in ["b'\\xff\\xff\\xff\\xff'", "b'\\x00\\x00\\x00\\x02{]'"] {
        // The handler looks for the streams that it should not know.
        let body = format!(
            "for fd in range(3, 64):\n    try: os.write(fd, {written})\n    except OSError: pass\ntime.sleep(1)\nreturn 1"
        );
        let dir = tempfile::tempdir().unwrap();
        let (slot, host) = (Slot::default(), host(dir.path()));
        let code = format!("import os\n{}", handler(&body));
        let answer = slot.call(&host, &program(&code), &call(json!({}))).unwrap();
        assert_eq!(answer.result.unwrap_err().kind, "Runtime.ExitError");
        let again = slot.call(&host, &program(&handler("return 2")), &call(json!({})));
        assert_eq!(again.unwrap().result, Ok(json!(2)));
    }
}

#[test]
fn environment_keeps_its_state_and_two_runs_are_the_same() {
    let code = "import random, uuid, os\nn = 0\ndef lambda_handler(event, context):\n    global n\n    n += 1\n    return n, random.random(), str(uuid.uuid4()), os.urandom(2).hex(), random.Random().random(), list({'a', 'b', 'c', 'd'})\n";
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let runs: Vec<Vec<Value>> = (0..2)
        .map(|_| {
            let slot = Slot::default();
            let one = || slot.call(&host, &program(code), &call(json!({})));
            (0..3).map(|_| one().unwrap().result.unwrap()).collect()
        })
        .collect();
    assert_eq!(runs[0], runs[1]);
    let counts: Vec<&Value> = runs[0].iter().map(|v| &v[0]).collect();
    assert_eq!(counts, [&json!(1), &json!(2), &json!(3)]);
    assert_ne!(runs[0][0][1], runs[0][1][1]);
}

#[test]
fn sleeping_takes_time_of_the_codes_own_clock_only() {
    let body = "a = time.time()\ntime.sleep(2.5)\nreturn time.time() - a, context.get_remaining_time_in_millis()";
    let answer = run(&handler(body), json!({}));
    assert_eq!(answer.result, Ok(json!([2.5, 500])));
    assert_eq!(answer.slept, Duration::from_millis(2500));
}

#[test]
fn memory_is_bounded() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let failed = run(&handler("return len(bytearray(2 << 30))"), json!({}));
    assert_eq!(failed.result.unwrap_err().kind, "Runtime.OutOfMemory");
}

#[test]
fn code_has_no_rights_that_it_does_not_need() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    let path = secret.path().display().to_string();
    let tries = [
        format!("open({path:?}).read()"),
        format!("open({path:?}, 'w')"),
        "os.listdir(os.path.expanduser('~') if False else '/etc')".to_owned(),
        "__import__('socket').socket()".to_owned(),
        "os.fork()".to_owned(),
        "__import__('subprocess').run([sys.executable, '-V'])".to_owned(),
        "os.execv('/bin/true', ['true'])".to_owned(),
        "os.kill(os.getppid(), 0)".to_owned(),
    ];
    // Where the kernel offers neither Landlock nor seccomp there is nothing to test.
    let body = "import __main__\nreturn __main__._guards if hasattr(__main__, '_guards') else []";
    let held = run(&handler(body), json!({})).result.unwrap();
    let all = held.as_array().is_some_and(|g| g.len() == 3);
    for attempt in tries {
        let body = format!(
            "try:\n    {attempt}\nexcept OSError as e:\n    return 'refused'\nreturn 'done'"
        );
        let answer = run(&format!("import os, sys\n{}", handler(&body)), json!({}));
        if all {
            assert_eq!(answer.result, Ok(json!("refused")), "{attempt}");
        }
    }
}

#[test]
fn records_that_are_put_with_a_client_come_along() {
    let body = "import boto3\nk = boto3.client('kinesis')\nk.put_record(StreamName='s', Data=b'{\"a\": 1}', PartitionKey='k')\nk.put_records(StreamName='s', Records=[{'Data': '2', 'PartitionKey': 'k'}])\nboto3.client('sqs').send_message(QueueUrl='q', MessageBody='m')\nboto3.client('firehose').put_record_batch(DeliveryStreamName='d', Records=[{'Data': 'f'}])\nboto3.client('sns').publish(TopicArn='t', Message='n')\nif event: boto3.client('s3').get_object(Bucket='b', Key='k')";
    let answer = run(&handler(body), json!(false));
    assert_eq!(answer.sent, ["{\"a\": 1}", "2", "m", "f", "n"]);
    let failed = run(&handler(body), json!(true));
    assert!(failed.sent.is_empty());
    assert_eq!(failed.result.unwrap_err().kind, "NotImplementedError");
}

#[test]
fn permission_is_of_the_very_text() {
    let known = Permission::These([fingerprint("a")].into_iter().collect());
    for (permission, a, b) in [
        (Permission::Nothing, false, false),
        (Permission::Everything, true, true),
        (known, true, false),
    ] {
        assert_eq!((permission.covers("a"), permission.covers("b")), (a, b));
    }
    assert_eq!(
        fingerprint(""),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn syntax_is_checked_without_running() {
    for (code, line) in [
        ("raise SystemExit", None),
        ("", None),
        ("def f():\n    return (1\n", Some(2)),
        ("a = 1\n b = 2\n", Some(2)),
        ("x = '\0'", Some(1)),
    ] {
        assert_eq!(python_syntax(code).map(|p| p.line), line, "{code:?}");
    }
    // Parsed once, remembered after.
    assert_eq!(python_syntax("a = = 1"), python_syntax("a = = 1"));
    assert!(python_syntax(&"(".repeat(100_000)).is_some());
}
