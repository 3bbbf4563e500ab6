# The process that one execution environment of a function is. It reads frames (4 bytes of length, then JSON) from its
# standard input and answers each with one on its standard output. User code sees neither: its own standard streams are
# kept apart, its clock and its random numbers are those of the run.
import os, sys

sys.path = [p for p in sys.path if p not in ("", ".")]
_IN, _OUT = os.dup(0), os.dup(1)
_null = os.open(os.devnull, os.O_RDWR)
for _fd in (0, 1, 2):
    os.dup2(_null, _fd)
os.close(_null)

import json, time as _time

_real_time, _real_perf = _time.time, _time.perf_counter


def _read(n):
    parts = []
    while n > 0:
        part = os.read(_IN, min(n, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


def _end_with_owner():
    # Code that hangs reads no more frames: the system says when nobody is left who could write one.
    import fcntl, select, signal

    hung_up = select.poll()
    hung_up.register(_IN, 0)
    signal.signal(signal.SIGIO, lambda *_: hung_up.poll(0) and os._exit(0))
    fcntl.fcntl(_IN, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(_IN, fcntl.F_SETFL, fcntl.fcntl(_IN, fcntl.F_GETFL) | os.O_ASYNC)
    if hung_up.poll(0):
        os._exit(0)


def _frame():
    return json.loads(_read(int.from_bytes(_read(4), "big")))


def _answer(**fields):
    data = json.dumps(fields).encode()
    data = len(data).to_bytes(4, "big") + data
    while data:
        data = data[os.write(_OUT, data):]


class _Clock:
    now, slept, left = 0.0, 0.0, 0.0


def _sleep(seconds):
    # Waiting takes modelled time, none of this machine's.
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    _Clock.slept += seconds
    if _Clock.slept >= _Clock.left:
        _answer(slept=_Clock.left, log=_log.text())
        os._exit(0)


def _clock():
    return _Clock.now + _Clock.slept


_time.time = _clock
_time.time_ns = lambda: round(_clock() * 1e9)
_time.monotonic = _time.perf_counter = _time.process_time = _clock
_time.monotonic_ns = _time.perf_counter_ns = _time.process_time_ns = _time.time_ns
_time.sleep = _sleep
for _name, _real in (("gmtime", _time.gmtime), ("localtime", _time.localtime), ("ctime", _time.ctime)):
    setattr(_time, _name, lambda seconds=None, _real=_real: _real(_clock() if seconds is None else seconds))

import datetime as _datetime


class _Any(type):
    def __instancecheck__(cls, value):
        return isinstance(value, cls.__mro__[1])


class _Date(_datetime.date, metaclass=_Any):
    @classmethod
    def today(cls):
        return cls.fromtimestamp(_clock())


class _Time(_datetime.datetime, metaclass=_Any):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(_clock(), tz)

    @classmethod
    def today(cls):
        return cls.fromtimestamp(_clock())

    @classmethod
    def utcnow(cls):
        return cls.fromtimestamp(_clock(), _datetime.timezone.utc).replace(tzinfo=None)


for _class, _name in ((_Date, "date"), (_Time, "datetime")):
    _class.__name__ = _class.__qualname__ = _name
    _class.__module__ = "datetime"
    setattr(_datetime, _name, _class)


class _Log:
    # What user code prints: the first few thousand characters of each call.
    LIMIT = 4096

    def __init__(self):
        self.parts, self.room = [], self.LIMIT

    def write(self, text):
        text = str(text)
        if self.room > 0:
            self.parts.append(text[: self.room])
            self.room -= len(text)
        return len(text)

    def text(self):
        text = "".join(self.parts)
        self.parts, self.room = [], self.LIMIT
        return text

    def flush(self):
        pass

    def isatty(self):
        return False

    def fileno(self):
        raise OSError("this stream has no file")

    encoding, errors, closed = "utf-8", "strict", False


_log = sys.stdout = sys.stderr = _Log()
_setup = _frame()

import random as _random, traceback as _traceback, types as _types, linecache as _linecache

_source = _random.Random(_setup["seed"])
_random.seed(_setup["seed"])
os.urandom = lambda n: _source.randbytes(n) if hasattr(_source, "randbytes") else bytes(_source.getrandbits(8) for _ in range(n))


class _Random(_random.Random):
    def __init__(self, x=None):
        super().__init__(_source.getrandbits(64) if x is None else x)


_random.Random = _random.SystemRandom = _Random
_FILE = "/var/task/" + _setup["module"].replace(".", "/") + ".py"
_linecache.cache[_FILE] = (len(_setup["code"]), None, _setup["code"].splitlines(True), _FILE)


def _failure(kind, message, error=None):
    frames = _traceback.extract_tb(error.__traceback__) if error is not None else []
    own = [f for f in frames if f.filename == _FILE] and frames
    while own and own[0].filename != _FILE:
        own = own[1:]
    stack = ['  File "%s", line %s, in %s\n    %s\n' % (f.filename, f.lineno, f.name, f.line) for f in own[-20:]]
    return {"errorType": kind[:200], "errorMessage": message[:2000], "stackTrace": stack}


class _Sent:
    calls, size = [], 0


def _send(service, data, key=None):
    if isinstance(data, (bytes, bytearray)):
        data = bytes(data).decode("utf-8", "replace")
    elif not isinstance(data, str):
        raise TypeError("%s: data must be text or bytes" % service)
    _Sent.size += len(data)
    if _Sent.size > 6 << 20:
        raise RuntimeError("a call of the function may send 6 MB at the most")
    _Sent.calls.append(data)
    return str(len(_Sent.calls))


class _Client:
    # The calls of an AWS client that put records: what they put leaves the function on its output.
    def __init__(self, service):
        self._service = service

    def __getattr__(self, name):
        raise NotImplementedError("%s.%s is not modelled: a function can put records, messages and events" % (self._service, name))

    def put_record(self, **call):
        data = call["Record"]["Data"] if "Record" in call else call["Data"]
        number = _send(self._service, data)
        return {"ShardId": "shardId-000000000000", "SequenceNumber": number, "RecordId": number}

    def put_records(self, **call):
        return {"FailedRecordCount": 0, "Records": [self.put_record(Data=r["Data"]) for r in call["Records"]]}

    def put_record_batch(self, **call):
        return {"FailedPutCount": 0, "RequestResponses": [self.put_record(Data=r["Data"]) for r in call["Records"]]}

    def send_message(self, **call):
        return {"MessageId": _send(self._service, call["MessageBody"])}

    def send_message_batch(self, **call):
        return {"Successful": [{"Id": e["Id"], **self.send_message(**e)} for e in call["Entries"]], "Failed": []}

    def publish(self, **call):
        return {"MessageId": _send(self._service, call["Message"])}

    def publish_batch(self, **call):
        entries = call["PublishBatchRequestEntries"]
        return {"Successful": [{"Id": e["Id"], **self.publish(**e)} for e in entries], "Failed": []}

    def put_events(self, **call):
        events = [{"source": e.get("Source"), "detail-type": e.get("DetailType"), "detail": json.loads(e.get("Detail", "{}"))} for e in call["Entries"]]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": _send(self._service, json.dumps(e))} for e in events]}


def _boto3():
    boto3 = _types.ModuleType("boto3")
    boto3.client = lambda service, *a, **k: _Client(service)

    def resource(*a, **k):
        raise NotImplementedError("boto3.resource is not modelled: use boto3.client")

    boto3.resource = resource
    sys.modules["boto3"] = boto3


class _Context:
    function_version = "$LATEST"

    def __init__(self, call):
        name = _setup["name"]
        self.function_name = name
        self.memory_limit_in_mb = str(_setup["memory_mb"])
        self.aws_request_id = call["request"]
        self.invoked_function_arn = "arn:aws:lambda:%s:123456789012:function:%s" % (_setup["region"], name)
        self.log_group_name = "/aws/lambda/" + name
        self.log_stream_name = "weir"
        self.identity = self.client_context = None

    def get_remaining_time_in_millis(self):
        return max(0, int((_Clock.left - _Clock.slept) * 1000))


#GUARD


def _load():
    _Clock.now, _Clock.left = _setup["now"], _setup["timeout"]
    _boto3()
    module = _types.ModuleType(_setup["module"])
    module.__file__ = _FILE
    sys.modules[_setup["module"]] = module
    try:
        code = compile(_setup["code"], _FILE, "exec")
    except (SyntaxError, ValueError) as e:
        line = getattr(e, "lineno", None)
        return None, _failure("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s (line %s)" % (_setup["module"], getattr(e, "msg", e), line))
    try:
        exec(code, module.__dict__)
    except ImportError as e:
        return None, _failure("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (_setup["module"], e), e)
    except BaseException as e:
        return None, _failure(type(e).__name__, str(e), e)
    handler = getattr(module, _setup["handler"], None)
    if not callable(handler):
        return None, _failure("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (_setup["handler"], _setup["module"]))
    return handler, None


def _call(handler, call):
    try:
        value = handler(call["event"], _Context(call))
    except SystemExit as e:
        return {"error": _failure("Runtime.ExitError", "Runtime exited with error: exit status %s" % e.code, e), "over": True}
    except MemoryError as e:
        return {"error": _failure("Runtime.OutOfMemory", "the function needs more than its %s MB" % _setup["memory_mb"], e), "over": True}
    except BaseException as e:
        return {"error": _failure(type(e).__name__, str(e), e)}
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError) as e:
        return {"error": _failure("Runtime.MarshalError", "Unable to marshal response: %s" % e)}
    if len(text) > 6 << 20:
        return {"error": _failure("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).")}
    return {"value": text}


def _main():
    global _guards
    try:
        _end_with_owner()
    except (ImportError, AttributeError, OSError):
        # Where the system has no such signal (Windows), it ends with its limits.
        pass
    _guards = _guard(_setup["memory_mb"])
    handler, wrong = _load()
    _answer(guards=_guards, error=wrong, log=_log.text(), slept=0.0)
    if wrong:
        os._exit(0)
    while True:
        call = _frame()
        _Clock.now, _Clock.slept, _Clock.left = call["now"], 0.0, call["timeout"]
        _Sent.calls, _Sent.size = [], 0
        begun = _real_perf()
        answer = _call(handler, call)
        sent = [] if "error" in answer else _Sent.calls
        _answer(log=_log.text(), slept=_Clock.slept, sent=sent, took=_real_perf() - begun, **answer)
        if "over" in answer:
            os._exit(0)


_main()
